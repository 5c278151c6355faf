/* One lane, for any 64-bit machine, and the two sums that need one lane only. */
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC optimize("no-schedule-insns2") /* gcc 12 moves what carries apart, and spills: a twentieth of the time */
#endif
#include "field_portable.h"
#include "ristretto.h"

#define W_ADD(a, b) ((a) + (b))
#define W_XOR(a, b) ((a) ^ (b))
#define W_AND(a, b) ((a) & (b))
#define W_ROR(a, n) ((a) >> (n) | (a) << (64 - (n)))
#define W_SHR(a, n) ((a) >> (n))
#define W_SET(k) (k)
typedef uint64_t word;
INL word word_load(const uint64_t *p) { return *p; }
INL void word_store(uint64_t *p, word w) { *p = w; }

INL uint64_t big_endian(const uint8_t *p)
{
	uint64_t x;
	memcpy(&x, p, 8);
	return __builtin_bswap64(x);
}

INL void words_of_block(word w[16], const uint8_t *const *blocks, size_t b)
{
	for (int i = 0; i < 16; i++) w[i] = big_endian(blocks[0] + 128 * b + 8 * i);
}

#include "sha512.h"

/* ------------------------------------------------------------------ weighted sum: Pippenger's buckets
 *
 * Digits of `c` bits with sign; in each of the ceil(254/c) positions a point is added to (or taken from) the bucket of
 * its digit, then the buckets are summed with their weights by running sums. Points come from `decode`, so Z = 1 and
 * one product of the addition falls away. */

static void add_affine_public(point *o, const point *p, const cached *q, int negative)
{
	fe a, b, c, d, t;
	fe_sub_lazy(&t, &p->Y, &p->X); fe_mul(&a, &t, negative ? &q->plus : &q->minus);
	fe_add(&t, &p->Y, &p->X); fe_mul(&b, &t, negative ? &q->minus : &q->plus);
	fe_mul(&c, &p->T, &q->T2d); fe_add(&d, &p->Z, &p->Z);
	if (negative) fe_neg(&c, &c);
	add_finish(o, &a, &b, &c, &d, 1);
}

static int bucket_bits(size_t n)
{
	return n < 48 ? 4 : n < 120 ? 5 : n < 300 ? 6 : n < 800 ? 7 : n < 2200 ? 8 : 9; /* a batch has at most 4096 */
}

static void signed_digits(int16_t *d, int positions, int c, const uint8_t *scalar)
{
	uint8_t s[40] = {0};
	int carry = 0;
	sf_scalar_canonical(s, scalar);
	for (int i = 0; i < positions; i++) {
		uint32_t x;
		memcpy(&x, s + i * c / 8, 4);
		int digit = (int)(x >> (i * c % 8) & ((1u << c) - 1)) + carry;
		carry = digit > 1 << (c - 1);
		d[i] = (int16_t)(digit - (carry << c));
	}
}

/* Few points: a table of 1..8 times each, read by index (Straus). */
#define FEW 24

static int weighted_sum_of_few(uint8_t *out, const uint8_t *scalars, const uint8_t *in, size_t n)
{
	cached (*table)[8] = malloc(sizeof *table * n), t;
	int8_t (*digits)[64] = malloc(sizeof *digits * n);
	point sum, p, q;
	int bad = 0;
	if (!table || !digits) { free(table); free(digits); return NO_MEMORY; }
	for (size_t k = 0; k < n; k++) {
		bad |= !decode(&p, in + 32 * k, 1);
		q = p;
		point_cache(&table[k][0], &p);
		for (int j = 1; j < 8; j++) { point_add(&q, &q, &table[k][0]); point_cache(&table[k][j], &q); }
		sf_recode(digits[k], scalars + 32 * k, 0);
	}
	point_identity(&sum);
	for (int i = 63; i >= 0 && !bad; i--) {
		for (int j = 0; j < 4 && i != 63; j++) point_double(&sum, &sum, j == 3);
		for (size_t k = 0; k < n; k++) {
			int d = digits[k][i];
			if (!d) continue;
			t = table[k][(d < 0 ? -d : d) - 1];
			cached_cneg(&t, -(mask)(d < 0));
			point_add(&sum, &sum, &t);
		}
	}
	if (!bad) encode(out, &sum, 1);
	free(table); free(digits);
	return bad ? REFUSED : OK;
}

static int weighted_sum(uint8_t *out, const uint8_t *scalars, const uint8_t *in, size_t n)
{
	if (n < FEW) return weighted_sum_of_few(out, scalars, in, n);
	int c = bucket_bits(n), positions = 254 / c + 1, count = 1 << (c - 1), bad = 0;
	cached *q = malloc(sizeof *q * n);
	int16_t *digits = malloc(sizeof *digits * n * (size_t)positions);
	point *bucket = malloc(sizeof *bucket * (size_t)(count + 1)), sum;
	if (!q || !digits || !bucket) { free(q); free(digits); free(bucket); return NO_MEMORY; }
	for (size_t k = 0; k < n; k++) {
		point p;
		bad |= !decode(&p, in + 32 * k, 1);
		point_cache(&q[k], &p);
		signed_digits(digits + k * (size_t)positions, positions, c, scalars + 32 * k);
	}
	point_identity(&sum);
	for (int i = positions - 1; i >= 0 && !bad; i--) {
		for (int j = 0; j < c && i != positions - 1; j++) point_double(&sum, &sum, j == c - 1);
		for (int j = 1; j <= count; j++) point_identity(&bucket[j]);
		for (size_t k = 0; k < n; k++) {
			int d = digits[k * (size_t)positions + (size_t)i];
			if (d > 0) add_affine_public(&bucket[d], &bucket[d], &q[k], 0);
			if (d < 0) add_affine_public(&bucket[-d], &bucket[-d], &q[k], 1);
		}
		point running = bucket[count], total = running;
		for (int j = count - 1; j >= 1; j--) {
			cached t;
			point_cache(&t, &bucket[j]); point_add(&running, &running, &t);
			point_cache(&t, &running); point_add(&total, &total, &t);
		}
		cached t;
		point_cache(&t, &total); point_add(&sum, &sum, &t);
	}
	if (!bad) encode(out, &sum, 1);
	free(q); free(digits); free(bucket);
	return bad ? REFUSED : OK;
}

int sf_sum_points(uint8_t *out, const uint8_t *in, size_t n)
{
	point sum, p;
	cached c;
	int bad = 0;
	point_identity(&sum);
	for (size_t k = 0; k < n; k++) {
		bad |= !decode(&p, in + 32 * k, 1);
		point_cache(&c, &p);
		point_add(&sum, &sum, &c);
	}
	if (!bad) encode(out, &sum, 1);
	return bad ? REFUSED : OK;
}

const struct lanes sf_portable = {multiply, from_uniform, weighted_sum, check, sha512, LANES};
