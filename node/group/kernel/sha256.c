/* SHA-256 (FIPS 180-4) of many messages, two side by side, with the instructions that x86-64 has for it: what a log of
 * events is made of. Without them nothing here is faster than what Python has, and REFUSED says so. */
#include <stdlib.h>
#include <string.h>

#include "kernel.h"

#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>
#define SHA __attribute__((target("sha,sse4.1,ssse3")))

static const uint32_t INITIAL[8] = {
	0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
/* The fractional parts of the cube roots of the first 64 primes. */
static const uint32_t K256[64] = {
	0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
	0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
	0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
	0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
	0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
	0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
	0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
	0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

/* Digests of two padded messages of as many blocks: one alone waits for the latency of its rounds. */
SHA static void hash_pair(uint8_t *const out[2], const uint8_t *const m[2], size_t count)
{
	const __m128i swap = _mm_set_epi64x(0x0c0d0e0f08090a0bLL, 0x0405060700010203LL);
	__m128i abef[2], cdgh[2];
	for (int k = 0; k < 2; k++) { /* the instruction wants the words as ABEF and CDGH */
		__m128i x = _mm_shuffle_epi32(_mm_loadu_si128((const __m128i *)INITIAL), 0xb1);
		__m128i y = _mm_shuffle_epi32(_mm_loadu_si128((const __m128i *)(INITIAL + 4)), 0x1b);
		abef[k] = _mm_alignr_epi8(x, y, 8);
		cdgh[k] = _mm_blend_epi16(y, x, 0xf0);
	}
	for (size_t b = 0; b < count; b++) {
		__m128i w[2][4], a0[2], c0[2];
		for (int k = 0; k < 2; k++) {
			a0[k] = abef[k]; c0[k] = cdgh[k];
			for (int i = 0; i < 4; i++)
				w[k][i] = _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)(m[k] + 64 * b + 16 * i)), swap);
		}
#pragma GCC unroll 16
		for (int r = 0; r < 16; r++) { /* four rounds each */
			const __m128i key = _mm_loadu_si128((const __m128i *)(K256 + 4 * r));
#pragma GCC unroll 2
			for (int k = 0; k < 2; k++) {
				__m128i now = w[k][r & 3], x = _mm_add_epi32(now, key);
				cdgh[k] = _mm_sha256rnds2_epu32(cdgh[k], abef[k], x);
				abef[k] = _mm_sha256rnds2_epu32(abef[k], cdgh[k], _mm_shuffle_epi32(x, 0x0e));
				if (r < 12) { /* words of round r + 4 */
					__m128i n1 = w[k][(r + 1) & 3], n2 = w[k][(r + 2) & 3], n3 = w[k][(r + 3) & 3];
					__m128i t = _mm_add_epi32(_mm_sha256msg1_epu32(now, n1), _mm_alignr_epi8(n3, n2, 4));
					w[k][r & 3] = _mm_sha256msg2_epu32(t, n3);
				}
			}
		}
		for (int k = 0; k < 2; k++) { abef[k] = _mm_add_epi32(abef[k], a0[k]); cdgh[k] = _mm_add_epi32(cdgh[k], c0[k]); }
	}
	for (int k = 0; k < 2; k++) {
		__m128i x = _mm_shuffle_epi32(abef[k], 0x1b), y = _mm_shuffle_epi32(cdgh[k], 0xb1);
		_mm_storeu_si128((__m128i *)out[k], _mm_shuffle_epi8(_mm_blend_epi16(x, y, 0xf0), swap));
		_mm_storeu_si128((__m128i *)(out[k] + 16), _mm_shuffle_epi8(_mm_alignr_epi8(y, x, 8), swap));
	}
}

static int has_sha(void)
{
	unsigned a, b, c, d;
	if (!__get_cpuid(1, &a, &b, &c, &d) || !(c >> 19 & 1) || !(c >> 9 & 1)) return 0; /* SSE4.1, SSSE3 */
	return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b >> 29 & 1);
}

static int sha; /* asking takes long where a machine is virtual */
__attribute__((constructor)) static void choose(void) { sha = has_sha(); }

/* Pads a message of `size` bytes behind which there is room; answers the number of its blocks. */
static size_t pad(uint8_t *m, size_t size)
{
	size_t blocks = (size + 9 + 63) / 64;
	uint64_t bits = __builtin_bswap64((uint64_t)size * 8);
	memset(m + size, 0, blocks * 64 - size);
	m[size] = 0x80;
	memcpy(m + blocks * 64 - 8, &bits, 8);
	return blocks;
}

static int hash_rows(uint8_t *out, const uint8_t *prefix, size_t prefix_size, const uint8_t *rows, size_t stride, size_t width,
		     const uint8_t *rests, const uint32_t *sizes, size_t n)
{
	size_t most = 0;
	for (size_t k = 0; sizes && k < n; k++) if (sizes[k] > most) most = sizes[k];
	size_t fixed = prefix_size + width, room = (fixed + most + 9 + 63) / 64 * 64;
	uint8_t *m = malloc(2 * room), spare[32];
	if (!m) return NO_MEMORY;
	for (size_t k = 0; k < 2; k++) memcpy(m + k * room, prefix, prefix_size);
	for (size_t k = 0; k < n; k += 2) {
		size_t blocks[2] = {0, 0}, here = n - k < 2 ? 1 : 2;
		for (size_t j = 0; j < here; j++) {
			uint8_t *b = m + j * room;
			size_t size = sizes ? sizes[k + j] : 0;
			memcpy(b + prefix_size, rows + stride * (k + j), width);
			if (size) { /* where there are no sizes there are no rests */
				memcpy(b + fixed, rests, size);
				rests += size;
			}
			blocks[j] = pad(b, fixed + size);
		}
		uint8_t *to = out + 32 * k;
		if (blocks[0] == blocks[1]) hash_pair((uint8_t *const[]){to, to + 32}, (const uint8_t *const[]){m, m + room}, blocks[0]);
		else for (size_t j = 0; j < here; j++)
			hash_pair((uint8_t *const[]){to + 32 * j, spare}, (const uint8_t *const[]){m + j * room, m + j * room}, blocks[j]);
	}
	sf_wipe(m, 2 * room);
	free(m);
	return OK;
}
#else
static const int sha;
#define hash_rows(...) REFUSED
#endif

/* SHA-256(prefix || row || rest) of `n` items: rows of `width` bytes are `stride` apart; rests, where there are sizes, stand
 * one behind the other. */
API int sf_sha256(uint8_t *out, const uint8_t *prefix, size_t prefix_size, const uint8_t *rows, size_t stride, size_t width,
		  const uint8_t *rests, const uint32_t *sizes, size_t n)
{
	return sha ? hash_rows(out, prefix, prefix_size, rows, stride, width, rests, sizes, n) : REFUSED;
}
