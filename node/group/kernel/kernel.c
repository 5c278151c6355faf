/* What Python calls: batches of bytes in, one buffer out. Lengths are checked by the caller (protocol/oprf/kernel.py).
 * Nothing is shared between calls but the choice of the path, so threads may call at once. */
#include <string.h>

#include "kernel.h"
#if defined(__x86_64__)
#include <cpuid.h>
#endif

/* Of the functions below: another number is another set of arguments, and a library of another number is not used. */
API int sf_interface(void) { return 1; }

/* ------------------------------------------------------------------ choice of the path */

static const struct lanes *best = &sf_portable;

#if defined(SF_EMULATE_IFMA)
static int has_ifma(void) { return 1; }
#elif defined(__x86_64__)
static int has_ifma(void)
{
	unsigned a, b, c, d, low, high;
	if (!__get_cpuid(1, &a, &b, &c, &d) || !(c >> 27 & 1)) return 0; /* OSXSAVE */
	__asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
	if ((low & 0xe6) != 0xe6) return 0; /* the system saves XMM, YMM, mask registers and both halves of ZMM */
	if (!__get_cpuid_count(7, 0, &a, &b, &c, &d)) return 0;
	return (b >> 16 & 1) && (b >> 17 & 1) && (b >> 21 & 1); /* AVX-512 F, DQ, IFMA */
}
#endif

/* 0: one lane, 1: eight lanes, -1: the best there is. Answers the path in use. Not while another thread computes. */
API int sf_use(int path)
{
	(void)path;
	best = &sf_portable;
#if defined(__x86_64__) || defined(SF_EMULATE_IFMA)
	if (path != 0 && has_ifma()) best = &sf_ifma;
#endif
	return best->width == 8;
}

__attribute__((constructor)) static void choose(void) { sf_use(-1); }

const struct lanes *sf_lanes_for(size_t n) { return n < 2 ? &sf_portable : best; }

/* ------------------------------------------------------------------ hygiene */

void sf_wipe(void *p, size_t n)
{
	memset(p, 0, n);
	__asm__ volatile("" : : "r"(p) : "memory");
}

/* The deepest frames below an exported function take 21 KiB (map and product by lanes, gcc -O3); a test looks. */
__attribute__((noinline)) void sf_burn(void)
{
	uint8_t frame[32768];
	sf_wipe(frame, sizeof frame);
	best->clear_registers();
}

/* ------------------------------------------------------------------ elements */

API int sf_multiply(uint8_t *out, const uint8_t *scalars, int each, const uint8_t *elements, size_t n)
{
	return burnt(sf_lanes_for(n)->multiply(out, scalars, each ? 32 : 0, elements, 32, n));
}

API int sf_map_multiply(uint8_t *out, const uint8_t *scalars, int each, const uint8_t *uniform, size_t n)
{
	return burnt(sf_lanes_for(n)->multiply(out, scalars, each ? 32 : 0, uniform, 64, n));
}

API int sf_from_uniform(uint8_t *out, const uint8_t *uniform, size_t n)
{
	return burnt(sf_lanes_for(n)->from_uniform(out, uniform, n));
}

API int sf_check(const uint8_t *elements, size_t n) { return sf_lanes_for(n)->check(elements, n); }

API int sf_sum(uint8_t *out, const uint8_t *elements, size_t n) { return sf_sum_points(out, elements, n); }

/* Zero weights and identity elements are refused, as a sum of libsodium's products refuses them. */
API int sf_weighted_sum(uint8_t *out, const uint8_t *scalars, const uint8_t *elements, size_t n)
{
	static const uint8_t zero[32];
	for (size_t k = 0; k < n; k++) {
		uint8_t scalar[32];
		sf_scalar_canonical(scalar, scalars + 32 * k);
		if (!memcmp(scalar, zero, 32) || !memcmp(elements + 32 * k, zero, 32)) return REFUSED;
	}
	return sf_lanes_for(n < 3 ? 1 : n)->weighted_sum(out, scalars, elements, n);
}

/* ------------------------------------------------------------------ scalars */

API int sf_reduce(uint8_t *out, const uint8_t *in, size_t n) { sf_scalar_reduce(out, in, n); return burnt(OK); }
API int sf_mul(uint8_t *out, const uint8_t *a, const uint8_t *b) { sf_scalar_multiply(out, a, b); return burnt(OK); }
API int sf_add(uint8_t *out, const uint8_t *a, const uint8_t *b) { sf_scalar_add(out, a, b); return burnt(OK); }
API int sf_sub(uint8_t *out, const uint8_t *a, const uint8_t *b) { sf_scalar_subtract(out, a, b); return burnt(OK); }
API int sf_invert(uint8_t *out, const uint8_t *in, size_t n) { return burnt(sf_scalar_invert(out, in, n)); }
