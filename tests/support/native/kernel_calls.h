/* What the kernel exports, for programs that are linked with its sources. */
#include <stddef.h>
#include <stdint.h>

int sf_use(int path);
int sf_multiply(uint8_t *out, const uint8_t *scalars, int each, const uint8_t *elements, size_t n);
int sf_map_multiply(uint8_t *out, const uint8_t *scalars, int each, const uint8_t *uniform, size_t n);
int sf_from_uniform(uint8_t *out, const uint8_t *uniform, size_t n);
int sf_check(const uint8_t *elements, size_t n);
int sf_sum(uint8_t *out, const uint8_t *elements, size_t n);
int sf_weighted_sum(uint8_t *out, const uint8_t *scalars, const uint8_t *elements, size_t n);
int sf_reduce(uint8_t *out, const uint8_t *in, size_t n);
int sf_mul(uint8_t *out, const uint8_t *a, const uint8_t *b);
int sf_add(uint8_t *out, const uint8_t *a, const uint8_t *b);
int sf_sub(uint8_t *out, const uint8_t *a, const uint8_t *b);
int sf_invert(uint8_t *out, const uint8_t *in, size_t n);
int sf_expand(uint8_t *out, const uint8_t *inputs, const uint32_t *sizes, size_t n, const uint8_t *dst, size_t dst_size);
int sf_weights(uint8_t *out, const uint8_t *seed, size_t first, const uint8_t *left, const uint8_t *right, size_t n,
	       const uint8_t *dst, size_t dst_size);
int sf_finish(uint8_t *out, const uint8_t *inputs, const uint32_t *sizes, size_t n, const uint8_t *elements);
int sf_sha256(uint8_t *out, const uint8_t *prefix, size_t prefix_size, const uint8_t *rows, size_t stride, size_t width,
	      const uint8_t *rests, const uint32_t *sizes, size_t n);
