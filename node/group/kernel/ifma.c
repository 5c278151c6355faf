/* Eight lanes, for x86-64 with AVX-512 F, DQ and IFMA. `kernel.c` calls nothing here unless the processor and the
 * system have them; the flags stand here, so no option of the compiler is needed. */
#if defined(__x86_64__) || defined(SF_EMULATE_IFMA)
#if defined(SF_EMULATE_IFMA)
#elif defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx512f,avx512dq,avx512ifma"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx512f,avx512dq,avx512ifma")
#endif

#include "field_ifma.h"
#include "ristretto.h"

#define W_ADD(a, b) ADD(a, b)
#define W_XOR(a, b) _mm512_xor_si512(a, b)
#define W_AND(a, b) AND(a, b)
#define W_ROR(a, n) _mm512_ror_epi64(a, n)
#define W_SHR(a, n) SHR(a, n)
#define W_SET(k) SET(k)
typedef v word;
INL word word_load(const uint64_t *p) { return _mm512_loadu_si512(p); }
INL void word_store(uint64_t *p, word w) { _mm512_storeu_si512(p, w); }

/* Word i of the b-th block of each message, big-endian, side by side. */
INL void words_of_block(word w[16], const uint8_t *const *blocks, size_t b)
{
	uint64_t t[16][8];
	for (int k = 0; k < 8; k++)
		for (int i = 0; i < 16; i++) {
			uint64_t x;
			memcpy(&x, blocks[k] + 128 * b + 8 * i, 8);
			t[i][k] = __builtin_bswap64(x);
		}
	for (int i = 0; i < 16; i++) w[i] = _mm512_loadu_si512(t[i]);
}

#include "sha512.h"

/* ------------------------------------------------------------------ weighted sum: Straus, lanes with own partial sums
 *
 * Eight points side by side with tables of 1..8 times each; ROWS such vectors share the doublings. Tables are read by
 * gathering: VARIABLE TIME. At the end the lanes are summed. */

#define ROWS 24

static void choose_public(cached *o, const cached table[8], digit d)
{
	digit size = digit_abs(d);
	mask some = _mm512_test_epi64_mask(size, size);
	v lane = _mm512_set_epi64(7, 6, 5, 4, 3, 2, 1, 0);
	v index = ADD(_mm512_mullo_epi64(_mm512_maskz_sub_epi64(some, size, SET(1)), SET(sizeof(cached) / 8)), lane);
	const uint64_t *base = (const uint64_t *)table;
	fe *to = (fe *)o;
	for (int f = 0; f < 4; f++)
		for (int l = 0; l < 5; l++) {
			v none = l ? ZERO : f < 2 ? SET(1) : f == 2 ? SET(2) : ZERO; /* the identity: 1, 1, 2, 0 */
			to[f].l[l] = _mm512_mask_i64gather_epi64(none, some, index, base + (f * 5 + l) * 8, 8);
		}
	cached_cneg(o, digit_isneg(d));
}

static void add_lanes(point *p)
{
	for (int s = 4; s >= 1; s >>= 1) {
		point q;
		cached c;
		v turn = AND(ADD(_mm512_set_epi64(7, 6, 5, 4, 3, 2, 1, 0), SET(s)), SET(7));
		for (int i = 0; i < 20; i++) ((v *)&q)[i] = _mm512_permutexvar_epi64(turn, ((v *)p)[i]);
		point_cache(&c, &q); point_add(p, p, &c);
	}
}

static int weighted_sum(uint8_t *out, const uint8_t *scalars, const uint8_t *in, size_t n)
{
	typedef struct { cached table[8]; int8_t digits[64][8]; } row;
	row *w = aligned_alloc(64, sizeof(row) * (n < 8 * ROWS ? (n + 7) / 8 : ROWS));
	point total, sum, p, q;
	cached c;
	int8_t one[64];
	int bad = 0;
	if (!w) return NO_MEMORY;
	point_identity(&total);
	for (size_t done = 0; done < n && !bad; done += 8 * ROWS) {
		size_t part = n - done < 8 * ROWS ? n - done : 8 * ROWS, rows = (part + 7) / 8;
		for (size_t i = 0; i < rows; i++) {
			size_t at = done + 8 * i;
			int lanes = part - 8 * i < 8 ? (int)(part - 8 * i) : 8;
			bad |= !decode(&p, in + 32 * at, lanes);
			q = p;
			point_cache(&w[i].table[0], &p);
			for (int j = 1; j < 8; j++) { point_add(&q, &q, &w[i].table[0]); point_cache(&w[i].table[j], &q); }
			memset(w[i].digits, 0, sizeof w[i].digits); /* unused lanes add the identity */
			for (int j = 0; j < lanes; j++) {
				sf_recode(one, scalars + 32 * (at + (size_t)j), 0);
				for (int k = 0; k < 64; k++) w[i].digits[k][j] = one[k];
			}
		}
		point_identity(&sum);
		for (int k = 63; k >= 0; k--) {
			if (k != 63) {
				point_double(&sum, &sum, 0); point_double(&sum, &sum, 0);
				point_double(&sum, &sum, 0); point_double(&sum, &sum, 1);
			}
			for (size_t i = 0; i < rows; i++) {
				choose_public(&c, w[i].table, digit_load(w[i].digits[k]));
				point_add(&sum, &sum, &c);
			}
		}
		point_cache(&c, &sum); point_add(&total, &total, &c);
	}
	if (!bad) { add_lanes(&total); encode(out, &total, 1); }
	free(w);
	return bad ? REFUSED : OK;
}

const struct lanes sf_ifma = {multiply, from_uniform, weighted_sum, check, sha512, LANES};

#if defined(SF_EMULATE_IFMA)
#elif defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif
#else
typedef int sf_no_ifma; /* a translation unit may not be empty */
#endif
