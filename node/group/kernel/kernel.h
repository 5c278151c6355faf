/* What the files of the kernel share. Sources: RFC 9496 (the group), RFC 9380 and 9497 (how it is used), FIPS 180-4.
 *
 * Secret: scalars, uniform strings of inputs, inputs. Nothing branches on them or takes an index from them. Public, and
 * so free to take its time: encodings that come over the wire and whether they are valid, weights of a proof and
 * everything that is summed with them, the number of items and the lengths of inputs. */
#ifndef KERNEL_H
#define KERNEL_H
#if !defined(__SIZEOF_INT128__) || __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "64-bit, little-endian machines only: libsodium does the work elsewhere"
#endif
#include <stddef.h>
#include <stdint.h>

#define API __attribute__((visibility("default")))
#define OK 0
#define REFUSED (-1)
#define NO_MEMORY (-2)

/* What each path offers; `kernel.c` chooses one. The functions answer OK, REFUSED or NO_MEMORY. */
struct lanes {
	/* out[i] = encode(scalar[i] * point[i]), in constant time. `width` 32: `in` holds encodings; 64: uniform strings
	 * for the map. `step` 0: one scalar for all; 32: one each. Refuses what is no encoding, and the identity as an
	 * element or a result; `out` then holds products of a batch that is refused, and the caller drops it. */
	int (*multiply)(uint8_t *out, const uint8_t *scalars, size_t step, const uint8_t *in, size_t width, size_t n);
	/* encode(map(in)) of 64-byte strings, in constant time. */
	int (*from_uniform)(uint8_t *out, const uint8_t *in, size_t n);
	/* encode(sum of scalar[i] * point[i]): VARIABLE TIME, for public scalars and points alone. */
	int (*weighted_sum)(uint8_t *out, const uint8_t *scalars, const uint8_t *in, size_t n);
	/* Whether all are canonical encodings; the identity is one. */
	int (*check)(const uint8_t *in, size_t n);
	/* SHA-512 of `width` messages of `count` padded blocks each; `state` is 8 words, of each the lanes side by side. */
	void (*sha512)(uint64_t *state, const uint8_t *const *blocks, size_t count);
	int width;
};
extern const struct lanes sf_portable;
#if defined(__x86_64__) || defined(SF_EMULATE_IFMA)
extern const struct lanes sf_ifma;
#endif

/* The path for a batch of `n`: one point on eight lanes costs more than on one. */
const struct lanes *sf_lanes_for(size_t n);

/* encode(sum of the points), for public points; VARIABLE TIME. */
int sf_sum_points(uint8_t *out, const uint8_t *in, size_t n);

/* Scalars: 32 bytes, little-endian; any 256 bits are taken modulo the order, and all results are below it. */
void sf_scalar_reduce(uint8_t *out, const uint8_t *in, size_t n); /* of 64 bytes each */
void sf_scalar_multiply(uint8_t *out, const uint8_t *a, const uint8_t *b);
void sf_scalar_add(uint8_t *out, const uint8_t *a, const uint8_t *b);
void sf_scalar_subtract(uint8_t *out, const uint8_t *a, const uint8_t *b);
int sf_scalar_invert(uint8_t *out, const uint8_t *in, size_t n);
/* The scalar that libsodium takes 32 bytes for: the top bit ignored, the rest modulo the order. */
void sf_scalar_canonical(uint8_t *out, const uint8_t *in);
/* 64 digits of -8 to 8, radix 16, lowest first: of half the canonical scalar modulo the order, or of the scalar. */
void sf_recode(int8_t digits[64], const uint8_t scalar[32], int halved);

/* Zeroes, and the compiler cannot leave it out. */
void sf_wipe(void *p, size_t n);
/* Overwrites what earlier calls of this thread left in registers and below the caller's frame. Each exported function
 * that met a secret ends with it: a function cannot wipe its own frame. */
void sf_burn(void);
static inline int burnt(int status) { sf_burn(); return status; }
#endif
