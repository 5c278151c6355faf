/* Every call with many sizes, in buffers that end where the batch ends: for the sanitizers. Answers 0 when all calls
 * were taken that should be, and refused that should be. exercise PATH MOST */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel_calls.h"

static uint8_t *drawn(size_t size)
{
	uint8_t *p = malloc(size ? size : 1);
	for (size_t i = 0; i < size; i++) p[i] = (uint8_t)(rand() >> 8);
	return p;
}

#define TAKEN(x) if ((x) != 0) { printf("refused: %s, n = %zu\n", #x, n); return 1; }
#define REFUSED(x) if ((x) == 0) { printf("taken: %s, n = %zu\n", #x, n); return 1; }

static int batch(size_t n)
{
	uint8_t *uniform = drawn(64 * n), *wide = drawn(64 * n), *scalars = malloc(32 * n), *points = malloc(32 * n);
	uint8_t *out = malloc(32 * n), *long_out = malloc(64 * n), *seed = drawn(64), *dst = drawn(255);
	uint32_t *sizes = malloc(4 * n);
	size_t total = 0;
	for (size_t k = 0; k < n; k++) total += sizes[k] = (uint32_t)(k * 37 % 300);
	uint8_t *text = drawn(total);
	TAKEN(sf_from_uniform(points, uniform, n));
	TAKEN(sf_reduce(scalars, wide, n));
	TAKEN(sf_multiply(out, scalars, 1, points, n));
	TAKEN(sf_multiply(out, scalars, 0, points, n));
	TAKEN(sf_map_multiply(out, scalars, 1, uniform, n));
	TAKEN(sf_weighted_sum(out, scalars, points, n));
	TAKEN(sf_sum(out, points, n));
	TAKEN(sf_check(points, n));
	TAKEN(sf_invert(out, scalars, n));
	TAKEN(sf_mul(out, scalars, scalars));
	TAKEN(sf_add(out, scalars, scalars));
	TAKEN(sf_sub(out, scalars, scalars));
	for (size_t tag = 1; tag < 256; tag += 127) {
		TAKEN(sf_expand(long_out, text, sizes, n, dst, tag));
		TAKEN(sf_weights(out, seed, n, points, points, n, dst, tag));
	}
	REFUSED(sf_expand(long_out, text, sizes, n, dst, 256)); /* more than there is room for */
	REFUSED(sf_weights(out, seed, n, points, points, n, dst, 256));
	TAKEN(sf_finish(long_out, text, sizes, n, points));
	if (sf_sha256(out, seed, 1, points, 32, 32, NULL, NULL, 0) == 0) { /* there are instructions for it */
		TAKEN(sf_sha256(out, seed, 64, points, 32, 32, NULL, NULL, n));
		TAKEN(sf_sha256(out, seed, 49, points, 32, 24, text, sizes, n));
	}
	points[32 * (n - 1)] ^= 1; /* negative: no encoding */
	REFUSED(sf_multiply(out, scalars, 1, points, n));
	REFUSED(sf_weighted_sum(out, scalars, points, n));
	REFUSED(sf_sum(out, points, n));
	REFUSED(sf_check(points, n));
	memset(scalars + 32 * (n - 1), 0, 32);
	REFUSED(sf_invert(out, scalars, n));
	REFUSED(sf_map_multiply(out, scalars, 1, uniform, n));
	free(uniform); free(wide); free(scalars); free(points); free(out); free(long_out); free(seed); free(dst);
	free(sizes); free(text);
	return 0;
}

int main(int argc, char **argv)
{
	(void)argc;
	int path = atoi(argv[1]);
	if (sf_use(path) != path) return 77;
	for (size_t n = 1; n <= (size_t)atoi(argv[2]); n += n < 34 ? 1 : 89)
		if (batch(n)) return 1;
	return 0;
}
