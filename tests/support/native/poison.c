/* Under valgrind's memcheck secrets are marked undefined: a branch on one, or an address made of one, is reported.
 *
 * poison SEED            every call that meets secrets; nothing may be reported. Under callgrind all seeds execute as
 *                        many instructions.
 * poison SEED public     also the sum, in variable time, of which there must be reports: else nothing was looked at. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <valgrind/memcheck.h>

#include "kernel_calls.h"

#define N 11
#define SECRET(x) VALGRIND_MAKE_MEM_UNDEFINED(x, sizeof x)
#define CALL(x) do { \
	int status = x; /* what a caller branches on is public */ \
	VALGRIND_MAKE_MEM_DEFINED(&status, sizeof status); \
	if (status) { printf("refused: %s\n", #x); return 2; } \
} while (0)

static uint8_t scalars[32 * N], uniform[64 * N], points[32 * N], out[64 * N], text[40 * N];

static void draw(uint8_t *to, size_t size)
{
	for (size_t i = 0; i < size; i++) to[i] = (uint8_t)(rand() >> 8);
}

int main(int argc, char **argv)
{
	uint32_t sizes[N];
	srand(1);
	draw(uniform, sizeof uniform);
	sf_from_uniform(points, uniform, N); /* the same elements for every seed */
	srand((unsigned)atoi(argv[1]));
	draw(scalars, sizeof scalars);
	draw(uniform, sizeof uniform);
	draw(text, sizeof text);
	for (int i = 0; i < N; i++) sizes[i] = 40;
	printf("path %d\n", sf_use(-1));
	SECRET(scalars); SECRET(uniform); SECRET(text);
	CALL(sf_reduce(out, uniform, N));
	CALL(sf_multiply(out, scalars, 0, points, N));
	CALL(sf_multiply(out, scalars, 0, points, 1));
	CALL(sf_multiply(out, scalars, 1, points, N));
	CALL(sf_map_multiply(out, scalars, 1, uniform, N));
	CALL(sf_map_multiply(out, scalars, 0, uniform, N));
	CALL(sf_map_multiply(out, scalars, 0, uniform, 1));
	CALL(sf_from_uniform(out, uniform, N));
	CALL(sf_mul(out, scalars, scalars + 32));
	CALL(sf_add(out, scalars, scalars + 32));
	CALL(sf_sub(out, scalars, scalars + 32));
	CALL(sf_invert(out, scalars, N));
	CALL(sf_expand(out, text, sizes, N, (const uint8_t *)"tag", 3));
	CALL(sf_finish(out, text, sizes, N, points));
	if (argc > 2) {
		int status = sf_weighted_sum(out, scalars, points, N);
		VALGRIND_MAKE_MEM_DEFINED(&status, sizeof status);
		printf("sum %d\n", status);
	}
	return 0;
}
