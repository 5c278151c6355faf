/* Hashing of batches with SHA-512, up to eight messages of one padded length at a time. A message is padded in place:
 * its buffer has room behind it. */
#include <stdlib.h>
#include <string.h>

#include "kernel.h"

#define LONGEST_TAG 255

static const uint64_t INITIAL[8] = {
	0x6a09e667f3bcc908ULL, 0xbb67ae8584caa73bULL, 0x3c6ef372fe94f82bULL, 0xa54ff53a5f1d36f1ULL,
	0x510e527fade682d1ULL, 0x9b05688c2b3e6c1fULL, 0x1f83d9abfb41bd6bULL, 0x5be0cd19137e2179ULL};

/* Pads `size` bytes at `m`, before which `before` bytes were hashed already; answers the number of blocks. */
static size_t pad(uint8_t *m, size_t size, size_t before)
{
	size_t blocks = (size + 17 + 127) / 128;
	uint64_t bits = (uint64_t)(before + size) * 8;
	memset(m + size, 0, blocks * 128 - size);
	m[size] = 0x80;
	for (int i = 0; i < 8; i++) m[blocks * 128 - 1 - i] = (uint8_t)(bits >> (8 * i));
	return blocks;
}

/* Digests (64 B each) of `n` <= 8 padded messages of `blocks` blocks, starting from `start`. */
static void hash_lanes(uint8_t *out, const uint64_t start[8], uint8_t *const *m, size_t blocks, size_t n)
{
	const struct lanes *l = sf_lanes_for(n < 3 ? 1 : n);
	size_t width = (size_t)l->width;
	for (size_t k = 0; k < n; k += width) {
		uint64_t state[64];
		const uint8_t *in[8];
		for (size_t j = 0; j < width; j++) {
			in[j] = m[k + j < n ? k + j : k];
			for (int i = 0; i < 8; i++) state[(size_t)i * width + j] = start[i];
		}
		l->sha512(state, in, blocks);
		for (size_t j = 0; j < width && k + j < n; j++)
			for (size_t i = 0; i < 8; i++) {
				uint64_t x = __builtin_bswap64(state[i * width + j]);
				memcpy(out + 64 * (k + j) + 8 * i, &x, 8);
			}
	}
}

/* expand_message_xmd (RFC 9380, 5.3.1) with 64 bytes of output, of `n` <= 8 messages that stand in buffers with 448
 * bytes of room behind them; all give the same number of blocks. `zeros` is the state after Z_pad. */
static void expand_lanes(uint8_t *out, const uint64_t zeros[8], uint8_t *const *m, const size_t *size, size_t n,
			 const uint8_t *dst, size_t dst_size)
{
	uint8_t first[8 * 64], second[8][512], *p[8];
	size_t blocks = 0;
	for (size_t k = 0; k < n; k++) {
		uint8_t *end = m[k] + size[k];
		*end++ = 0; *end++ = 64; *end++ = 0;
		memcpy(end, dst, dst_size); end += dst_size;
		*end++ = (uint8_t)dst_size;
		blocks = pad(m[k], (size_t)(end - m[k]), 128);
	}
	hash_lanes(first, zeros, m, blocks, n);
	for (size_t k = 0; k < n; k++) {
		memcpy(second[k], first + 64 * k, 64);
		second[k][64] = 1;
		memcpy(second[k] + 65, dst, dst_size);
		second[k][65 + dst_size] = (uint8_t)dst_size;
		blocks = pad(second[k], 66 + dst_size, 0);
		p[k] = second[k];
	}
	hash_lanes(out, INITIAL, p, blocks, n);
}

static void after_zeros(uint64_t state[8])
{
	static const uint8_t zeros[128];
	const uint8_t *p = zeros;
	memcpy(state, INITIAL, 64);
	sf_portable.sha512(state, &p, 1);
}

#define ROOM 576
static size_t blocks_of(size_t size, size_t more) { return (size + more + 17 + 127) / 128; }

/* How many of the next inputs (at most eight) give as many blocks as the first. */
static size_t alike(const uint32_t *sizes, size_t left, size_t more)
{
	size_t n = 1;
	while (n < left && n < 8 && blocks_of(sizes[n], more) == blocks_of(sizes[0], more)) n++;
	return n;
}

static size_t largest(const uint32_t *sizes, size_t n)
{
	size_t most = 0;
	for (size_t k = 0; k < n; k++) if (sizes[k] > most) most = sizes[k];
	return most;
}

static __attribute__((noinline)) int expand(uint8_t *out, const uint8_t *inputs, const uint32_t *sizes, size_t n,
					    const uint8_t *dst, size_t dst_size)
{
	size_t room = largest(sizes, n) + ROOM, all = (n < 8 ? n : 8) * room;
	uint8_t *buffers = malloc(all), *m[8];
	uint64_t zeros[8];
	if (!buffers) return NO_MEMORY;
	after_zeros(zeros);
	for (size_t k = 0, some; k < n; k += some) {
		size_t size[8];
		some = alike(sizes + k, n - k, 4 + dst_size);
		for (size_t j = 0; j < some; j++) {
			m[j] = buffers + j * room;
			size[j] = sizes[k + j];
			memcpy(m[j], inputs, size[j]);
			inputs += size[j];
		}
		expand_lanes(out + 64 * k, zeros, m, size, some, dst, dst_size);
	}
	sf_wipe(buffers, all);
	free(buffers);
	return OK;
}

/* 64 uniform bytes of each input; inputs stand one behind the other. A longer tag than buffers have room for is refused. */
API int sf_expand(uint8_t *out, const uint8_t *inputs, const uint32_t *sizes, size_t n, const uint8_t *dst, size_t dst_size)
{
	if (dst_size > LONGEST_TAG) return REFUSED;
	return burnt(expand(out, inputs, sizes, n, dst, dst_size));
}

/* The weights of RFC 9497, 2.2.1: scalars from the seed (64 B), an index and a pair of elements. Public. Refuses a tag as
 * sf_expand does. */
API int sf_weights(uint8_t *out, const uint8_t *seed, size_t first, const uint8_t *left, const uint8_t *right, size_t n,
		   const uint8_t *dst, size_t dst_size)
{
	uint8_t m[8][145 + ROOM], *p[8], uniform[8 * 64];
	uint64_t zeros[8];
	size_t size[8];
	if (dst_size > LONGEST_TAG) return REFUSED;
	after_zeros(zeros);
	for (size_t k = 0; k < n; k += 8) {
		size_t some = n - k < 8 ? n - k : 8;
		for (size_t j = 0; j < some; j++) {
			uint8_t *b = p[j] = m[j];
			size_t index = first + k + j;
			b[0] = 0; b[1] = 64; memcpy(b + 2, seed, 64);
			b[66] = (uint8_t)(index >> 8); b[67] = (uint8_t)index;
			b[68] = 0; b[69] = 32; memcpy(b + 70, left + 32 * (k + j), 32);
			b[102] = 0; b[103] = 32; memcpy(b + 104, right + 32 * (k + j), 32);
			memcpy(b + 136, "Composite", 9);
			size[j] = 145;
		}
		expand_lanes(uniform, zeros, p, size, some, dst, dst_size);
		sf_scalar_reduce(out + 32 * k, uniform, some);
	}
	return OK;
}

static __attribute__((noinline)) int finish(uint8_t *out, const uint8_t *inputs, const uint32_t *sizes, size_t n,
					    const uint8_t *elements)
{
	size_t room = largest(sizes, n) + ROOM, all = (n < 8 ? n : 8) * room;
	uint8_t *buffers = malloc(all), *m[8];
	if (!buffers) return NO_MEMORY;
	for (size_t k = 0, some; k < n; k += some) {
		size_t blocks = 0;
		some = alike(sizes + k, n - k, 44);
		for (size_t j = 0; j < some; j++) {
			size_t size = sizes[k + j];
			uint8_t *b = m[j] = buffers + j * room;
			b[0] = (uint8_t)(size >> 8); b[1] = (uint8_t)size; memcpy(b + 2, inputs, size); inputs += size;
			b += 2 + size;
			b[0] = 0; b[1] = 32; memcpy(b + 2, elements + 32 * (k + j), 32); memcpy(b + 34, "Finalize", 8);
			blocks = pad(m[j], size + 44, 0);
		}
		hash_lanes(out + 64 * k, INITIAL, m, blocks, some);
	}
	sf_wipe(buffers, all);
	free(buffers);
	return OK;
}

/* Finalize of RFC 9497, 3.3.1: SHA-512(len || input || 32 || element || "Finalize") of each. */
API int sf_finish(uint8_t *out, const uint8_t *inputs, const uint32_t *sizes, size_t n, const uint8_t *elements)
{
	return burnt(finish(out, inputs, sizes, n, elements));
}
