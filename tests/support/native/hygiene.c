/* Memory hygiene: after a call, no writable page of the process holds the scalar or its digits. Linux.
 *
 * hygiene PATH           answers 0 when nothing was found
 * hygiene PATH leave     leaves a copy on the heap: it must be found, else nothing was looked at
 *
 * What is looked for stands here inverted. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kernel.h"
#include "kernel_calls.h"
#define N 9

static uint8_t points[32 * N], uniform[64 * N], out[32 * N], scalar[32], inverted[64 + 32];

static int copies(const uint8_t *pattern, size_t n)
{
	FILE *maps = fopen("/proc/self/maps", "r");
	int mem = open("/proc/self/mem", O_RDONLY), found = 0;
	char line[512], permissions[8];
	unsigned long from, to;
	while (fgets(line, sizeof line, maps)) {
		if (sscanf(line, "%lx-%lx %7s", &from, &to, permissions) != 3 || permissions[1] != 'w') continue;
		if (to - from > 64UL << 20) continue;
		uint8_t *page = malloc(to - from);
		ssize_t got = pread(mem, page, to - from, (off_t)from);
		for (ssize_t i = 0; i + (ssize_t)n <= got; i++) {
			size_t j = 0;
			while (j < n && page[i + (ssize_t)j] == (uint8_t)~pattern[j]) j++;
			if (j == n) { found++; printf("in %s", line); }
		}
		memset(page, 0, to - from);
		free(page);
	}
	fclose(maps);
	close(mem);
	return found;
}

int main(int argc, char **argv)
{
	int path = atoi(argv[1]);
	if (sf_use(path) != path) return 77;
	srand(7);
	for (size_t i = 0; i < sizeof uniform; i++) uniform[i] = (uint8_t)(rand() >> 8);
	sf_from_uniform(points, uniform, N);
	for (int i = 0; i < 32; i++) scalar[i] = (uint8_t)(rand() >> 8);
	scalar[31] &= 7;
	int8_t digits[64];
	sf_recode(digits, scalar, 1);
	for (int i = 0; i < 64; i++) inverted[i] = (uint8_t)~digits[i];
	sf_wipe(digits, sizeof digits);
	for (int i = 0; i < 32; i++) inverted[64 + i] = (uint8_t)~scalar[i];
	sf_burn();
	int status = sf_multiply(out, scalar, 0, points, N) | sf_multiply(out, scalar, 0, points, 1)
		   | sf_map_multiply(out, scalar, 0, uniform, N) | sf_invert(out, scalar, 1);
	uint8_t *left = malloc(32);
	if (argc > 2) memcpy(left, scalar, 32);
	__asm__ volatile("" : : "r"(left) : "memory");
	sf_wipe(scalar, 32);
	int found = copies(inverted, 64) + copies(inverted + 64, 32);
	printf("%d copies, status %d\n", found, status);
	return found || status;
}
