/* What Python calls: batches of bytes in, one buffer out. Lengths are checked by the caller (protocol/oprf/kernel.py).
 * Nothing is shared between calls but the choice of the path, so threads may call at once. */
#include <string.h>

#include "kernel.h"
#if defined(__x86_64__)
#include <cpuid.h>
#endif

/* Of the functions below: another number is another set of arguments, and a library of another number is not used. */
API int sf_interface(void) { return 1; }

#ifdef SF_SOURCES /* the digest of what this was compiled from: the loader looks for it in the file */
API const char sf_sources[] = SF_SOURCES;
#endif

/* ------------------------------------------------------------------ choice of the path */

static const struct lanes *best = &sf_portable;
static int has_avx, has_avx512; /* and the system saves these registers */

#if defined(__x86_64__)
static int look_at_processor(void)
{
	unsigned a, b, c, d, low, high;
	if (!__get_cpuid(1, &a, &b, &c, &d) || !(c >> 27 & 1)) return 0; /* OSXSAVE */
	__asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
	has_avx = (c >> 28 & 1) && (low & 6) == 6;
	if ((low & 0xe6) != 0xe6) return 0; /* the system saves XMM, YMM, mask registers and both halves of ZMM */
	if (!__get_cpuid_count(7, 0, &a, &b, &c, &d)) return 0;
	has_avx512 = b >> 16 & 1;
	return has_avx512 && (b >> 17 & 1) && (b >> 21 & 1); /* AVX-512 F, DQ, IFMA */
}
#else
static int look_at_processor(void) { return 0; }
#endif

static int has_ifma;

__attribute__((constructor)) static void choose(void)
{
	has_ifma = look_at_processor();
#if defined(SF_EMULATE_IFMA)
	has_ifma = 1;
#endif
#if defined(__x86_64__) || defined(SF_EMULATE_IFMA)
	if (has_ifma) best = &sf_ifma;
#endif
}

/* 0: one lane, 1: eight lanes where there are, -1: as it is, which is the best until this was called. Answers the path in
 * use. A call on another thread that goes on meanwhile may hash a batch on both paths; what it computes is the same. */
API int sf_use(int path)
{
	const struct lanes *chosen = &sf_portable;
	if (path == -1) return __atomic_load_n(&best, __ATOMIC_RELAXED)->width == 8;
#if defined(__x86_64__) || defined(SF_EMULATE_IFMA)
	if (path && has_ifma) chosen = &sf_ifma;
#endif
	__atomic_store_n(&best, chosen, __ATOMIC_RELAXED); /* once: never a path in between */
	return chosen->width == 8;
}

const struct lanes *sf_lanes_for(size_t n) { return n < 2 ? &sf_portable : __atomic_load_n(&best, __ATOMIC_RELAXED); }

/* ------------------------------------------------------------------ hygiene */

void sf_wipe(void *p, size_t n)
{
	memset(p, 0, n);
	__asm__ volatile("" : : "r"(p) : "memory");
}

/* Zeroes the vector registers, as wide as the processor has them: whatever path computed, the C library copied with them.
 * The callee-saved ones of AArch64 (v8 to v15) are not touched: who used them has put back what was there. */
static __attribute__((noinline)) void clear_registers(void)
{
#if defined(__x86_64__)
#define ALL16(x) x(0) x(1) x(2) x(3) x(4) x(5) x(6) x(7) x(8) x(9) x(10) x(11) x(12) x(13) x(14) x(15)
#define UPPER16(x) x(16) x(17) x(18) x(19) x(20) x(21) x(22) x(23) x(24) x(25) x(26) x(27) x(28) x(29) x(30) x(31)
#define MASKS(x) x(1) x(2) x(3) x(4) x(5) x(6) x(7)
#define CLEAR_X(r) "pxor %%xmm" #r ", %%xmm" #r "\n\t"
#define CLEAR_Z(r) "vpxord %%zmm" #r ", %%zmm" #r ", %%zmm" #r "\n\t"
#define CLEAR_K(r) "kxorw %%k" #r ", %%k" #r ", %%k" #r "\n\t"
/* The upper sixteen and the masks are nothing that code without their flags could hold: they need not be named. */
#define CLOBBERED "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", \
		  "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15"
	if (has_avx512) __asm__ volatile(UPPER16(CLEAR_Z) MASKS(CLEAR_K) : :);
	if (has_avx) __asm__ volatile("vzeroall" : : : CLOBBERED); /* the whole of the lower sixteen, ZMM too */
	else __asm__ volatile(ALL16(CLEAR_X) : : : CLOBBERED);
#elif defined(__aarch64__)
	__asm__ volatile("movi v0.2d, #0\n\tmovi v1.2d, #0\n\tmovi v2.2d, #0\n\tmovi v3.2d, #0\n\t"
			 "movi v4.2d, #0\n\tmovi v5.2d, #0\n\tmovi v6.2d, #0\n\tmovi v7.2d, #0\n\t"
			 "movi v16.2d, #0\n\tmovi v17.2d, #0\n\tmovi v18.2d, #0\n\tmovi v19.2d, #0\n\t"
			 "movi v20.2d, #0\n\tmovi v21.2d, #0\n\tmovi v22.2d, #0\n\tmovi v23.2d, #0\n\t"
			 "movi v24.2d, #0\n\tmovi v25.2d, #0\n\tmovi v26.2d, #0\n\tmovi v27.2d, #0\n\t"
			 "movi v28.2d, #0\n\tmovi v29.2d, #0\n\tmovi v30.2d, #0\n\tmovi v31.2d, #0"
			 : : : "v0", "v1", "v2", "v3", "v4", "v5", "v6", "v7", "v16", "v17", "v18", "v19", "v20", "v21",
			       "v22", "v23", "v24", "v25", "v26", "v27", "v28", "v29", "v30", "v31");
#endif
}

/* The deepest frames below an exported function take 21 KiB (map and product by lanes, gcc -O3); a test looks. */
__attribute__((noinline)) void sf_burn(void)
{
	uint8_t frame[32768];
	sf_wipe(frame, sizeof frame);
	clear_registers();
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
