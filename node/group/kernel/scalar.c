/* Numbers modulo the order L = 2^252 + 27742317777372353535851937790883648493, in constant time: four words of 64
 * bits, Montgomery's product with R = 2^256. */
#include <string.h>

#include "kernel.h"

typedef unsigned __int128 u128;
typedef struct { uint64_t w[4]; } sc;

static const sc ORDER = {{0x5812631a5cf5d3edULL, 0x14def9dea2f79cd6ULL, 0, 0x1000000000000000ULL}};
static const sc R1 = {{0xd6ec31748d98951dULL, 0xc6ef5bf4737dcf70ULL, 0xfffffffffffffffeULL, 0x0fffffffffffffffULL}};
static const sc R2 = {{0xa40611e3449c0f01ULL, 0xd00e1ba768859347ULL, 0xceec73d217f5be65ULL, 0x0399411b7c309a3dULL}};
#define N0 0xd2b51da312547e1bULL /* -1/L mod 2^64 */

static sc load(const uint8_t *p) { sc r; memcpy(r.w, p, 32); return r; }
static void store(uint8_t *p, sc a) { memcpy(p, a.w, 32); }

/* a - L if that is not negative. */
static sc below(sc a)
{
	sc t;
	uint64_t borrow = 0;
	for (int i = 0; i < 4; i++) {
		u128 d = (u128)a.w[i] - ORDER.w[i] - borrow;
		t.w[i] = (uint64_t)d;
		borrow = (uint64_t)(d >> 64) & 1;
	}
	uint64_t keep = -borrow;
	__asm__("" : "+r"(keep));
	for (int i = 0; i < 4; i++) t.w[i] ^= keep & (t.w[i] ^ a.w[i]);
	return t;
}

/* a b / R modulo L; one factor below L, the other any 256 bits; the result below L. */
static sc mont(sc a, sc b)
{
	uint64_t t[6] = {0};
	for (int i = 0; i < 4; i++) {
		u128 x = 0;
		for (int j = 0; j < 4; j++) { x += (u128)a.w[i] * b.w[j] + t[j]; t[j] = (uint64_t)x; x >>= 64; }
		x += t[4]; t[4] = (uint64_t)x; t[5] = (uint64_t)(x >> 64);
		uint64_t m = t[0] * N0;
		x = (u128)m * ORDER.w[0] + t[0];
		x >>= 64;
		for (int j = 1; j < 4; j++) { x += (u128)m * ORDER.w[j] + t[j]; t[j - 1] = (uint64_t)x; x >>= 64; }
		x += t[4]; t[3] = (uint64_t)x; t[4] = t[5] + (uint64_t)(x >> 64);
	}
	sc r = {{t[0], t[1], t[2], t[3]}};
	return below(r); /* below 2 L < 2^254, so t[4] is zero */
}

static sc add(sc a, sc b)
{
	u128 x = 0;
	for (int i = 0; i < 4; i++) { x += (u128)a.w[i] + b.w[i]; a.w[i] = (uint64_t)x; x >>= 64; }
	return below(a);
}

static sc canonical(sc a) { return mont(a, R1); }
static sc product(sc a, sc b) { return mont(mont(a, R2), canonical(b)); }

void sf_scalar_reduce(uint8_t *out, const uint8_t *in, size_t n)
{
	for (size_t k = 0; k < n; k++) /* low * R / R + high * R^2 / R */
		store(out + 32 * k, add(mont(load(in + 64 * k), R1), mont(load(in + 64 * k + 32), R2)));
}

void sf_scalar_multiply(uint8_t *out, const uint8_t *a, const uint8_t *b) { store(out, product(load(a), load(b))); }
void sf_scalar_add(uint8_t *out, const uint8_t *a, const uint8_t *b)
{
	store(out, add(canonical(load(a)), canonical(load(b))));
}

void sf_scalar_subtract(uint8_t *out, const uint8_t *a, const uint8_t *b)
{
	sc x = canonical(load(b)), minus;
	uint64_t borrow = 0;
	for (int i = 0; i < 4; i++) {
		u128 d = (u128)ORDER.w[i] - x.w[i] - borrow;
		minus.w[i] = (uint64_t)d;
		borrow = (uint64_t)(d >> 64) & 1;
	}
	store(out, add(canonical(load(a)), below(minus)));
}

/* a^(L - 2) of a number in Montgomery's form; the exponent is public. */
static sc inverse(sc a)
{
	static const uint64_t e[4] = {0x5812631a5cf5d3ebULL, 0x14def9dea2f79cd6ULL, 0, 0x1000000000000000ULL};
	sc r = a;
	for (int i = 251; i >= 0; i--) {
		r = mont(r, r);
		if (e[i / 64] >> (i % 64) & 1) r = mont(r, a);
	}
	return r;
}

/* Montgomery's trick: one inversion and three products each. -1 if one is zero (which one stays unknown). */
int sf_scalar_invert(uint8_t *out, const uint8_t *in, size_t n)
{
	sc acc = R1;
	for (size_t k = 0; k < n; k++) { /* out[k] = product of those before k */
		store(out + 32 * k, acc);
		acc = mont(acc, mont(load(in + 32 * k), R2));
	}
	uint64_t some = acc.w[0] | acc.w[1] | acc.w[2] | acc.w[3];
	acc = inverse(acc);
	for (size_t k = n; k-- > 0;) {
		sc one = mont(load(in + 32 * k), R2), here = mont(acc, load(out + 32 * k));
		sc plain = {{1, 0, 0, 0}};
		store(out + 32 * k, mont(here, plain));
		acc = mont(acc, one);
	}
	return some ? 0 : -1;
}

/* The scalar that libsodium takes 32 bytes for: the top bit ignored, the rest modulo L. */
void sf_scalar_canonical(uint8_t *out, const uint8_t *in)
{
	sc a = load(in);
	a.w[3] &= 0x7fffffffffffffffULL;
	store(out, canonical(a));
}

void sf_recode(int8_t digits[64], const uint8_t scalar[32], int halved)
{
	sc a = load(scalar);
	int carry = 0;
	a.w[3] &= 0x7fffffffffffffffULL; /* as libsodium does */
	a = canonical(a);
	if (halved) { /* (a + L if a is odd) / 2 */
		uint64_t odd = -(a.w[0] & 1);
		__asm__("" : "+r"(odd));
		u128 x = 0;
		for (int i = 0; i < 4; i++) { x += (u128)a.w[i] + (odd & ORDER.w[i]); a.w[i] = (uint64_t)x; x >>= 64; }
		for (int i = 0; i < 4; i++) a.w[i] = a.w[i] >> 1 | (i < 3 ? a.w[i + 1] << 63 : 0);
	}
	for (int i = 0; i < 64; i++) { /* below 2^253: the last digit stays within 0..2 */
		int d = (int)(a.w[i / 16] >> (4 * (i % 16)) & 15) + carry;
		carry = (d + 8) >> 4;
		digits[i] = (int8_t)(d - carry * 16);
	}
}
