/* Every call that meets secrets, for programs that look at what it does with them. Before this is included CALL says
 * what a call is wrapped in. */
#include <stdlib.h>

#include "kernel_calls.h"
#define N 11 /* eight lanes, and some that are left */
#define TEXT 40

static uint8_t scalars[32 * N], uniform[64 * N], points[32 * N], out[64 * N], text[TEXT * N];
static uint32_t sizes[N];

static void draw(uint8_t *to, size_t size)
{
	for (size_t i = 0; i < size; i++) to[i] = (uint8_t)(rand() >> 8);
}

/* The public `points`, and secrets: drawn by the seed. */
static void draw_all(unsigned seed)
{
	srand(1);
	draw(uniform, sizeof uniform);
	sf_from_uniform(points, uniform, N); /* the same elements for every seed */
	srand(seed);
	draw(scalars, sizeof scalars);
	draw(uniform, sizeof uniform);
	draw(text, sizeof text);
	for (int i = 0; i < N; i++) sizes[i] = TEXT;
}

static int secret_calls(const uint8_t *wide, const uint8_t *elements)
{
	CALL(sf_reduce(out, uniform, N));
	CALL(sf_multiply(out, scalars, 0, points, N));
	CALL(sf_multiply(out, scalars, 0, points, 1));
	CALL(sf_multiply(out, scalars, 1, points, N));
	CALL(sf_multiply(out, scalars, 1, elements, N));
	CALL(sf_map_multiply(out, scalars, 0, uniform, N));
	CALL(sf_map_multiply(out, scalars, 0, uniform, 1));
	CALL(sf_map_multiply(out, scalars, 1, wide, N));
	CALL(sf_map_multiply(out, scalars, 1, uniform, 1));
	CALL(sf_from_uniform(out, uniform, N));
	CALL(sf_mul(out, scalars, scalars + 32));
	CALL(sf_add(out, scalars, scalars + 32));
	CALL(sf_sub(out, scalars, scalars + 32));
	CALL(sf_invert(out, scalars, N));
	CALL(sf_expand(out, text, sizes, N, (const uint8_t *)"tag", 3));
	CALL(sf_expand(out, text, sizes, 1, (const uint8_t *)"tag", 3));
	CALL(sf_finish(out, text, sizes, N, elements));
	CALL(sf_finish(out, text, sizes, 1, elements));
	return 0;
}
