/* The kernel at the end of a pipe, for machines on which no Python runs here: a call comes in, what it gives goes out.
 *
 * In: number of the function in the table below and of its arguments (8 B each, of this machine's order as everything here),
 * then of each argument its kind (0: a number, 1: bytes, 2: room for what comes out) and the number or the size; bytes
 * follow their size. Out: the status, and what stands in the room. */
#include <stdio.h>
#include <stdlib.h>

#include "kernel_calls.h"

int sf_interface(void);

#define MOST 8
typedef uint64_t word;
/* x86-64 and AArch64 pass six and eight arguments in registers of 64 bits, whatever their types are. */
typedef int call(word, word, word, word, word, word, word, word);
static void *const table[] = {
	(void *)sf_interface, (void *)sf_use, (void *)sf_expand, (void *)sf_finish, (void *)sf_invert,
	(void *)sf_from_uniform, (void *)sf_map_multiply, (void *)sf_multiply, (void *)sf_reduce, (void *)sf_mul,
	(void *)sf_sub, (void *)sf_add, (void *)sf_sum, (void *)sf_weighted_sum, (void *)sf_check, (void *)sf_weights,
};

static int take(void *to, size_t size) { return fread(to, 1, size, stdin) == size; }

int main(void)
{
	word head[2];
	while (take(head, sizeof head)) {
		word given[MOST] = {0}, size[MOST] = {0}, kind[MOST] = {0};
		if (head[0] >= sizeof table / sizeof *table || head[1] > MOST) return 2;
		for (size_t i = 0; i < head[1]; i++) {
			if (!take(&kind[i], 8) || !take(&given[i], 8) || kind[i] > 2) return 2;
			if (!kind[i]) continue;
			size[i] = given[i];
			uint8_t *block = malloc(size[i] ? size[i] : 1);
			if (!block || (kind[i] == 1 && !take(block, size[i]))) return 2;
			given[i] = (word)(uintptr_t)block;
		}
		int64_t status = ((call *)table[head[0]])(given[0], given[1], given[2], given[3], given[4], given[5], given[6], given[7]);
		fwrite(&status, 8, 1, stdout);
		for (size_t i = 0; i < head[1]; i++) {
			if (kind[i] == 2) fwrite((void *)(uintptr_t)given[i], 1, size[i], stdout);
			if (kind[i]) free((void *)(uintptr_t)given[i]);
		}
		if (fflush(stdout)) return 2;
	}
	return 0;
}
