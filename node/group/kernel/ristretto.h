/* ristretto255 (RFC 9496) over whatever field was included before: LANES points side by side.
 *
 * Points are extended coordinates (X:Y:Z:T) of the curve -x^2 + y^2 = 1 + d x^2 y^2; `cached` is the form that an
 * addition takes as its second operand. Nothing here branches on, or indexes by, a scalar, a point or a digit, except
 * in functions whose name ends in `_public` and in the two sums.
 *
 * Encoding is the costly part (an inverse square root a point). Twice a point can be encoded with inversions alone
 * (Hamburg's isogeny: the doubled point's coordinates contain the square roots), and inversions can be shared by a
 * batch. So a multiplication computes (scalar/2) * P and encodes the double of it.
 */
#include <stdlib.h>

#include "constants.h"
#include "kernel.h"

/* Vectors of points that share one inversion: the block they stand in is wiped, so it should not be larger than pays,
 * and malloc asks the system anew for blocks of 128 KiB. */
#define CHUNK (LANES == 1 ? 64 : 24)

typedef struct { fe X, Y, Z, T; } point;
typedef struct { fe plus, minus, Z2, T2d; } cached;

/* ------------------------------------------------------------------ field, continued */

INL void fe_neg(fe *o, const fe *a) { fe z; fe_const(&z, C_ZERO); fe_sub(o, &z, a); }
INL void fe_cneg(fe *a, mask m) { fe t; fe_neg(&t, a); fe_cmov(a, &t, m); }
INL void fe_abs(fe *a) { fe_cneg(a, fe_isneg(a)); }

/* Chains of squarings wait for each other's results, so `n` of them run side by side: 1, or 2 where two are wanted. */
INL void fe_sqn(fe *o, const fe *a, int times, int n)
{
	fe t[2];
	for (int k = 0; k < n; k++) t[k] = a[k];
	for (int i = 0; i < times; i++)
		for (int k = 0; k < n; k++) {
			raw r;
			fe_sq_raw(&r, &t[k]);
			raw_carry(&t[k], &r);
		}
	for (int k = 0; k < n; k++) o[k] = t[k];
}

INL void fe_muln(fe *o, const fe *a, const fe *b, int n) { for (int k = 0; k < n; k++) fe_mul(&o[k], &a[k], &b[k]); }

/* z^(2^252 - 3) of `n` numbers. */
INL void fe_pow_p58(fe *o, const fe *z, int n)
{
	fe a[2], b[2], c[2];
	fe_sqn(a, z, 1, n);                           /* 2 */
	fe_sqn(b, a, 2, n); fe_muln(b, z, b, n);      /* 9 */
	fe_muln(a, a, b, n);                          /* 11 */
	fe_sqn(a, a, 1, n); fe_muln(a, b, a, n);      /* 2^5 - 1 */
	fe_sqn(b, a, 5, n); fe_muln(a, b, a, n);      /* 2^10 - 1 */
	fe_sqn(b, a, 10, n); fe_muln(b, b, a, n);     /* 2^20 - 1 */
	fe_sqn(c, b, 20, n); fe_muln(b, c, b, n);     /* 2^40 - 1 */
	fe_sqn(b, b, 10, n); fe_muln(a, b, a, n);     /* 2^50 - 1 */
	fe_sqn(b, a, 50, n); fe_muln(b, b, a, n);     /* 2^100 - 1 */
	fe_sqn(c, b, 100, n); fe_muln(b, c, b, n);    /* 2^200 - 1 */
	fe_sqn(b, b, 50, n); fe_muln(a, b, a, n);     /* 2^250 - 1 */
	fe_sqn(a, a, 2, n); fe_muln(o, a, z, n);
}

/* 1/z, or 0: z^(p - 2) with p - 2 = 8 (2^252 - 3) + 3 */
static void fe_invert(fe *o, const fe *z)
{
	fe t, cube;
	fe_pow_p58(&t, z, 1);
	fe_sqn(&t, &t, 3, 1);
	fe_sq(&cube, z); fe_mul(&cube, &cube, z);
	fe_mul(o, &t, &cube);
}

/* SQRT_RATIO_M1 of RFC 9496, section 4.2, of `n` pairs: the non-negative root of u/w, or of i*u/w; whether u/w was a
 * square. */
INL void fe_sqrt_ratio(mask *square, fe *r, const fe *u, const fe *w, int n)
{
	fe i, w3[2], t[2];
	fe_const(&i, C_SQRT_M1);
	for (int k = 0; k < n; k++) {
		fe w7;
		fe_sq(&w3[k], &w[k]); fe_mul(&w3[k], &w3[k], &w[k]);
		fe_sq(&w7, &w3[k]); fe_mul(&w7, &w7, &w[k]);
		fe_mul(&t[k], &u[k], &w7);
	}
	fe_pow_p58(t, t, n);
	for (int k = 0; k < n; k++) {
		fe check, d, ui, ri;
		fe_mul(&w3[k], &u[k], &w3[k]); fe_mul(&r[k], &w3[k], &t[k]);
		fe_sq(&check, &r[k]); fe_mul(&check, &check, &w[k]);
		fe_sub(&d, &check, &u[k]); mask correct = fe_iszero(&d);
		fe_add(&d, &check, &u[k]); mask flipped = fe_iszero(&d);
		fe_mul(&ui, &u[k], &i);
		fe_add(&d, &check, &ui); mask flipped_i = fe_iszero(&d);
		fe_mul(&ri, &r[k], &i);
		fe_cmov(&r[k], &ri, flipped | flipped_i);
		fe_abs(&r[k]);
		square[k] = correct | flipped;
	}
}

/* ------------------------------------------------------------------ curve */

INL void point_identity(point *o)
{
	fe_const(&o->X, C_ZERO); fe_const(&o->Y, C_ONE); fe_const(&o->Z, C_ONE); fe_const(&o->T, C_ZERO);
}

/* The order of the products matters, here and in the additions: each stands where what it needs has been ready for the
 * time of two others, so that none waits. */
static void point_double(point *o, const point *p, int with_T)
{
	raw A, B, C, D, S;
	fe E, F, G, H, t;
	fe_sq_raw(&B, &p->Y); fe_sq_raw(&A, &p->X); fe_sq_raw(&C, &p->Z); raw_plus(&C, &C, &C);
	fe_add(&t, &p->X, &p->Y); fe_sq_raw(&D, &t);
	raw_plus(&S, &A, &B); raw_add(&H, &A, &B); raw_sub(&G, &B, &A);
	raw_sub(&E, &D, &S); raw_plus(&C, &C, &A); raw_sub(&F, &C, &B);
	fe_mul(&o->Y, &G, &H);
	if (with_T) fe_mul(&o->T, &E, &H);
	fe_mul(&o->X, &E, &F); fe_mul(&o->Z, &F, &G);
}

INL void add_finish(point *o, const raw *a, const raw *b, const raw *c, const raw *d, int with_T)
{
	fe E, F, G, H;
	raw_sub(&F, d, c); raw_add(&G, d, c); raw_sub(&E, b, a); raw_add(&H, b, a);
	fe_mul(&o->Z, &F, &G); fe_mul(&o->Y, &G, &H); fe_mul(&o->X, &E, &F);
	if (with_T) fe_mul(&o->T, &E, &H);
}

static void point_add_T(point *o, const point *p, const cached *q, int with_T)
{
	raw a, b, c, d;
	fe t;
	fe_mul_raw(&c, &p->T, &q->T2d); fe_mul_raw(&d, &p->Z, &q->Z2);
	fe_sub_lazy(&t, &p->Y, &p->X); fe_mul_raw(&a, &t, &q->minus);
	fe_add(&t, &p->Y, &p->X); fe_mul_raw(&b, &t, &q->plus);
	add_finish(o, &a, &b, &c, &d, with_T);
}

INL void point_add(point *o, const point *p, const cached *q) { point_add_T(o, p, q, 1); }

static void point_cache(cached *o, const point *p)
{
	fe d2;
	fe_const(&d2, C_D2);
	fe_add(&o->plus, &p->Y, &p->X); fe_sub(&o->minus, &p->Y, &p->X); fe_add(&o->Z2, &p->Z, &p->Z);
	fe_mul(&o->T2d, &p->T, &d2);
}

INL void cached_identity(cached *q)
{
	fe_const(&q->plus, C_ONE); fe_const(&q->minus, C_ONE); fe_const(&q->T2d, C_ZERO); fe_const(&q->Z2, C_TWO);
}

/* The entry of a digit's size 1..8, or the identity for 0; reads the whole table whatever the digit is. */
INL void cached_choose(cached *q, const cached table[8], digit size)
{
	cached_identity(q);
#if LANES == 1
	uint64_t *to = (uint64_t *)q, m[9];
	const uint64_t *from = (const uint64_t *)table;
	for (int j = 0; j < 9; j++) m[j] = opaque(digit_is(size, j));
	for (int i = 0; i < 20; i++) { /* twenty words an entry: the compiler makes vectors of them */
		uint64_t w = to[i] & m[0];
		for (int j = 0; j < 8; j++) w |= from[20 * j + i] & m[j + 1];
		to[i] = w;
	}
#else
	fe *to = (fe *)q;
	mask m[8];
	for (int j = 0; j < 8; j++) m[j] = digit_is(size, j + 1);
	for (int f = 0; f < 4; f++)
		for (int j = 0; j < 8; j++) fe_cmov(&to[f], (const fe *)&table[j] + f, m[j]);
#endif
}

INL void cached_cneg(cached *q, mask m)
{
	fe t = q->plus;
	fe_cmov(&q->plus, &q->minus, m);
	fe_cmov(&q->minus, &t, m);
	fe_cneg(&q->T2d, m);
}

/* ------------------------------------------------------------------ group (RFC 9496, section 4.3) */

/* Which of `n` public strings are below p, even, and have no top bit. */
static unsigned canonical(const uint8_t *in, int n)
{
	unsigned good = 0;
	for (int k = 0; k < n; k++) {
		uint64_t w[4];
		memcpy(w, in + 32 * k, 32);
		int high = (w[3] == 0x7fffffffffffffffULL) & (w[2] == ~0ULL) & (w[1] == ~0ULL) & (w[0] >= -19ULL);
		good |= (unsigned)!(w[3] >> 63 | (w[0] & 1) | (unsigned)high) << k;
	}
	return good;
}

/* Whether all `n` (at most LANES) encodings are valid. Public input. */
static int decode(point *o, const uint8_t *in, int n)
{
	fe s, ss, u1, u2, u2s, w, one, d, inv, dx, dy, t;
	fe_const(&one, C_ONE); fe_const(&d, C_D);
	fe_load(&s, in, 32, n);
	fe_sq(&ss, &s);
	fe_sub(&u1, &one, &ss); fe_add(&u2, &one, &ss); fe_sq(&u2s, &u2);
	fe_sq(&t, &u1); fe_mul(&t, &t, &d); fe_neg(&t, &t); fe_sub(&w, &t, &u2s);
	fe_mul(&t, &w, &u2s);
	mask ok;
	fe_sqrt_ratio(&ok, &inv, &one, &t, 1);
	fe_mul(&dx, &inv, &u2); fe_mul(&dy, &inv, &dx); fe_mul(&dy, &dy, &w);
	fe_add(&t, &s, &s); fe_mul(&o->X, &t, &dx); fe_abs(&o->X);
	fe_mul(&o->Y, &u1, &dy); o->Z = one; fe_mul(&o->T, &o->X, &o->Y);
	ok &= (mask)~fe_isneg(&o->T) & (mask)~fe_iszero(&o->Y);
	unsigned all = (1u << n) - 1;
	return ((unsigned)ok & canonical(in, n) & all) == all;
}

/* The map of section 4.3.4 for both halves of a uniform string, and the sum of the two points. */
static void map(point *o, const uint8_t *in, int n)
{
	fe i, one, d, k, t[2], r[2], u[2], w[2], s[2];
	mask square[2];
	point a[2];
	cached second;
	fe_const(&i, C_SQRT_M1); fe_const(&one, C_ONE); fe_const(&d, C_D);
	for (int h = 0; h < 2; h++) {
		fe e, c;
		fe_load(&t[h], in + 32 * h, 64, n);
		fe_sq(&r[h], &t[h]); fe_mul(&r[h], &r[h], &i);
		fe_const(&k, C_ONE_MINUS_D_SQ); fe_add(&e, &r[h], &one); fe_mul(&u[h], &e, &k);
		fe_mul(&e, &r[h], &d); fe_add(&e, &e, &one); fe_neg(&e, &e); fe_add(&c, &r[h], &d); fe_mul(&w[h], &e, &c);
	}
	fe_sqrt_ratio(square, s, u, w, 2);
	for (int h = 0; h < 2; h++) {
		fe s2, c, e, m, w0, w1, w2, w3;
		fe_mul(&s2, &s[h], &t[h]); fe_abs(&s2); fe_neg(&s2, &s2);
		fe_cmov(&s[h], &s2, (mask)~square[h]);
		fe_neg(&c, &one); fe_cmov(&c, &r[h], (mask)~square[h]);
		fe_sub(&e, &r[h], &one); fe_mul(&m, &c, &e);
		fe_const(&k, C_D_MINUS_ONE_SQ); fe_mul(&m, &m, &k); fe_sub(&m, &m, &w[h]);
		fe_mul(&w0, &s[h], &w[h]); fe_add(&w0, &w0, &w0);
		fe_const(&k, C_SQRT_AD_MINUS_ONE); fe_mul(&w1, &m, &k);
		fe_sq(&e, &s[h]); fe_sub(&w2, &one, &e); fe_add(&w3, &one, &e);
		fe_mul(&a[h].X, &w0, &w3); fe_mul(&a[h].Y, &w2, &w1);
		fe_mul(&a[h].Z, &w1, &w3); fe_mul(&a[h].T, &w0, &w2);
	}
	point_cache(&second, &a[1]); point_add(o, &a[0], &second);
}

/* Section 4.3.2: one point a lane. */
static void encode(uint8_t *out, const point *p, int n)
{
	fe i, one, u1, u2, t, inv, d1, d2, zinv, ix, iy, x, y, d;
	fe_const(&i, C_SQRT_M1); fe_const(&one, C_ONE);
	fe_add(&t, &p->Z, &p->Y); fe_sub(&u1, &p->Z, &p->Y); fe_mul(&u1, &t, &u1);
	fe_mul(&u2, &p->X, &p->Y);
	fe_sq(&t, &u2); fe_mul(&t, &t, &u1);
	mask ignored;
	fe_sqrt_ratio(&ignored, &inv, &one, &t, 1);
	fe_mul(&d1, &inv, &u1); fe_mul(&d2, &inv, &u2);
	fe_mul(&zinv, &d1, &d2); fe_mul(&zinv, &zinv, &p->T);
	fe_mul(&ix, &p->X, &i); fe_mul(&iy, &p->Y, &i);
	x = p->X; y = p->Y; d = d2;
	fe_mul(&t, &p->T, &zinv);
	mask rotate = fe_isneg(&t);
	fe_cmov(&x, &iy, rotate); fe_cmov(&y, &ix, rotate);
	fe_const(&t, C_INVSQRT_A_MINUS_D); fe_mul(&t, &d1, &t); fe_cmov(&d, &t, rotate);
	fe_mul(&t, &x, &zinv); fe_cneg(&y, fe_isneg(&t));
	fe_sub(&t, &p->Z, &y); fe_mul(&t, &d, &t); fe_abs(&t);
	fe_store(out, &t, n);
}

typedef struct {
	point half; /* what is doubled */
	fe e, f, g, h, eg, fh, all, before;
	mask zero;
} slot;

/* The encodings of twice the points of `vectors` slots, the last of which has `last` used lanes. */
static void encode_doubles(uint8_t *out, slot *slots, size_t vectors, int last)
{
	fe acc, d, i, zero;
	fe_const(&acc, C_ONE); fe_const(&d, C_D); fe_const(&i, C_SQRT_M1); fe_const(&zero, C_ZERO);
	for (size_t k = 0; k < vectors; k++) {
		slot *s = &slots[k];
		const point *p = &s->half;
		fe xx, yy, zz, dtt, one;
		fe_sq(&xx, &p->X); fe_sq(&yy, &p->Y); fe_sq(&zz, &p->Z); fe_sq(&dtt, &p->T); fe_mul(&dtt, &dtt, &d);
		fe_mul(&s->e, &p->X, &p->Y); fe_add(&s->e, &s->e, &s->e);
		fe_add(&s->f, &zz, &dtt); fe_add(&s->g, &yy, &xx); fe_sub(&s->h, &zz, &dtt);
		fe_mul(&s->eg, &s->e, &s->g); fe_mul(&s->fh, &s->f, &s->h); fe_mul(&s->all, &s->eg, &s->fh);
		s->zero = fe_iszero(&s->all);
		fe_const(&one, C_ONE); fe_cmov(&s->all, &one, s->zero);
		s->before = acc;
		fe_mul(&acc, &acc, &s->all);
	}
	fe_invert(&acc, &acc);
	for (size_t k = vectors; k-- > 0;) {
		slot *s = &slots[k];
		fe inv, zi, ti, t, e, g, h, me, fi, magic, r;
		fe_mul(&inv, &acc, &s->before); fe_mul(&acc, &acc, &s->all); fe_cmov(&inv, &zero, s->zero);
		fe_mul(&zi, &s->eg, &inv); fe_mul(&ti, &s->fh, &inv);
		fe_mul(&t, &s->eg, &zi);
		mask rotate = fe_isneg(&t);
		e = s->e; g = s->g; h = s->h;
		fe_const(&magic, C_INVSQRT_A_MINUS_D);
		fe_neg(&me, &e); fe_mul(&fi, &s->f, &i);
		fe_cmov(&e, &s->g, rotate); fe_cmov(&g, &me, rotate); fe_cmov(&h, &fi, rotate); fe_cmov(&magic, &i, rotate);
		fe_mul(&t, &h, &e); fe_mul(&t, &t, &zi);
		fe_cneg(&g, fe_isneg(&t));
		fe_sub(&r, &h, &g); fe_mul(&t, &g, &ti); fe_mul(&t, &t, &magic); fe_mul(&r, &r, &t); fe_abs(&r);
		fe_store(out + 32 * LANES * k, &r, k + 1 == vectors ? last : LANES);
	}
}

/* ------------------------------------------------------------------ multiplication in constant time */

typedef struct {
	cached table[8];       /* 1 P .. 8 P */
	point sum;
	cached chosen;
	int8_t one[64];        /* digits of one scalar */
	int8_t digits[64][LANES < 8 ? 8 : LANES];
	slot slots[];          /* as many as a chunk of this batch needs */
} work;

static void multiply_point(work *w, const point *p)
{
	cached *q = &w->chosen;
	point *r = &w->sum;
	*r = *p;
	point_cache(&w->table[0], p);
	for (int i = 1; i < 8; i++) { point_add(r, r, &w->table[0]); point_cache(&w->table[i], r); }
	point_identity(r);
	for (int i = 63; i >= 0; i--) {
		if (i != 63) {
			point_double(r, r, 0); point_double(r, r, 0); point_double(r, r, 0); point_double(r, r, 1);
		}
		digit d = digit_load(w->digits[i]), size = digit_abs(d);
		cached_choose(q, w->table, size);
		cached_cneg(q, digit_isneg(d));
		point_add_T(r, r, q, i == 0); /* doublings need no T */
	}
}

static void set_digits(work *w, const uint8_t *scalars, size_t step, int n)
{
	for (int j = 0; j < LANES; j++) {
		if (step || !j) sf_recode(w->one, scalars + step * (size_t)(j < n ? j : 0), 1);
		for (int q = 0; q < 64; q++) w->digits[q][j] = w->one[q];
	}
}

/* Adds up, without a branch, whether an encoding is all zero. */
static unsigned any_identity(const uint8_t *out, size_t n)
{
	unsigned found = 0;
	for (size_t k = 0; k < n; k++) {
		uint64_t w[4];
		memcpy(w, out + 32 * k, 32);
		uint64_t x = w[0] | w[1] | w[2] | w[3];
		found |= (unsigned)(((x | -x) >> 63) ^ 1);
	}
	return found;
}

static int multiply(uint8_t *out, const uint8_t *scalars, size_t step, const uint8_t *in, size_t width, size_t n)
{
	size_t most = (n + LANES - 1) / LANES < CHUNK ? (n + LANES - 1) / LANES : CHUNK;
	size_t size = (sizeof(work) + most * sizeof(slot) + 63) / 64 * 64;
	work *w = aligned_alloc(64, size);
	int bad = 0;
	if (!w) return NO_MEMORY;
	if (!step) set_digits(w, scalars, 0, LANES);
	for (size_t done = 0; done < n;) {
		size_t part = n - done < CHUNK * LANES ? n - done : CHUNK * LANES, vectors = (part + LANES - 1) / LANES;
		int last = (int)(part - (vectors - 1) * LANES);
		for (size_t k = 0; k < vectors; k++) {
			size_t at = done + k * LANES;
			int lanes = k + 1 == vectors ? last : LANES;
			point p;
			if (width == 64) map(&p, in + 64 * at, lanes);
			else bad |= !decode(&p, in + 32 * at, lanes);
			if (step) set_digits(w, scalars + step * at, step, lanes);
			multiply_point(w, &p);
			w->slots[k].half = w->sum;
		}
		encode_doubles(out + 32 * done, w->slots, vectors, last);
		bad |= (int)any_identity(out + 32 * done, part);
		done += part;
	}
	sf_wipe(w, size);
	free(w);
	return bad ? REFUSED : OK;
}

static int from_uniform(uint8_t *out, const uint8_t *in, size_t n)
{
	for (size_t k = 0; k < n; k += LANES) {
		int lanes = n - k < LANES ? (int)(n - k) : LANES;
		point p;
		map(&p, in + 64 * k, lanes);
		encode(out + 32 * k, &p, lanes);
	}
	return 0;
}

static int check(const uint8_t *in, size_t n)
{
	int bad = 0;
	for (size_t k = 0; k < n; k += LANES) {
		point p;
		bad |= !decode(&p, in + 32 * k, n - k < LANES ? (int)(n - k) : LANES);
	}
	return bad ? REFUSED : OK;
}
