/* Memory hygiene: after the calls that meet secrets, no writable page of the process holds one of them, or the digits of a
 * scalar, and no register that a call may leave behind holds anything. Linux.
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
#define PATTERN 32
#define MOST 200

static uint8_t inverted[MOST][PATTERN];
static uint8_t begins[1 << 16]; /* whether a pattern begins with these two bytes, inverted */
static int patterns, dirty;

static void begin(void)
{
	begins[inverted[patterns][0] << 8 | inverted[patterns][1]] = 1;
	patterns++;
}

static void seek(const uint8_t *secret)
{
	for (int i = 0; i < PATTERN; i++) inverted[patterns][i] = (uint8_t)~secret[i];
	begin();
}

/* As the hash reads it: words of eight bytes, the highest first. */
static void seek_words(const uint8_t *secret)
{
	for (int i = 0; i < PATTERN; i++) inverted[patterns][i] = (uint8_t)~secret[i / 8 * 8 + 7 - i % 8];
	begin();
}

static int holds(const uint8_t *at, const uint8_t *pattern)
{
	for (int j = 0; j < PATTERN; j++) if (at[j] != (uint8_t)~pattern[j]) return 0;
	return 1;
}

static int copies(void)
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
		for (ssize_t i = 0; i + PATTERN <= got; i++)
			for (int k = 0; k < patterns && begins[(uint8_t)~page[i] << 8 | (uint8_t)~page[i + 1]]; k++)
				if (holds(page + i, inverted[k])) { found++; printf("pattern %d in %s", k, line); }
		memset(page, 0, to - from);
		free(page);
	}
	fclose(maps);
	close(mem);
	return found;
}

/* ------------------------------------------------------------------ registers */

#if defined(__x86_64__)
#define TIMES16(x) x(0) x(1) x(2) x(3) x(4) x(5) x(6) x(7) x(8) x(9) x(10) x(11) x(12) x(13) x(14) x(15)
#define UPPER16(x) x(16) x(17) x(18) x(19) x(20) x(21) x(22) x(23) x(24) x(25) x(26) x(27) x(28) x(29) x(30) x(31)
#define MASKS(x) x(1) x(2) x(3) x(4) x(5) x(6) x(7)
#define FILL(r) "vpternlogd $255, %%zmm" #r ", %%zmm" #r ", %%zmm" #r "\n\t"
#define FILL_MASK(r) "kxnorw %%k" #r ", %%k" #r ", %%k" #r "\n\t"
#define SHOW(r) "vmovdqu64 %%zmm" #r ", 64*" #r "(%0)\n\t"
#define SHOW_MASK(r) "kmovw %%k" #r ", 2048+2*" #r "(%0)\n\t"

static __attribute__((noinline)) void fill(void)
{
	if (!__builtin_cpu_supports("avx512f")) return;
	__asm__ volatile(TIMES16(FILL) UPPER16(FILL) MASKS(FILL_MASK) : :);
}

static __attribute__((noinline)) void look(const char *call)
{
	static uint8_t seen[2048 + 16];
	if (!__builtin_cpu_supports("avx512f")) return;
	__asm__ volatile(TIMES16(SHOW) UPPER16(SHOW) MASKS(SHOW_MASK) "vzeroupper" : : "r"(seen) : "memory");
	for (size_t i = 0; i < sizeof seen; i++)
		if (seen[i]) { dirty++; printf("%s leaves register %s%zu\n", call, i < 2048 ? "zmm" : "k", i < 2048 ? i / 64 : (i - 2048) / 2); return; }
}
#else
static void fill(void) {}
static void look(const char *call) { (void)call; }
#endif

#define CALL(x) do { fill(); int status = x; look(#x); if (status) { printf("refused: %s\n", #x); return 2; } } while (0)

/* ------------------------------------------------------------------ the calls */

#include "secret_calls.h"

static uint8_t expanded[64 * N], elements[32 * N];

static void seek_all(void)
{
	for (int k = 0; k < N; k++) {
		int8_t digits[64];
		sf_recode(digits, scalars + 32 * k, 1);
		seek((const uint8_t *)digits); seek((const uint8_t *)digits + 32);
		sf_wipe(digits, sizeof digits);
		seek(scalars + 32 * k); seek(elements + 32 * k);
		seek(uniform + 64 * k); seek(uniform + 64 * k + 32);
		seek(expanded + 64 * k); seek(expanded + 64 * k + 32);
		seek(text + TEXT * k); seek_words(text + TEXT * k);
	}
	sf_burn();
}

static int all_calls(void)
{
	CALL(sf_expand(expanded, text, sizes, N, (const uint8_t *)"tag", 3));
	CALL(sf_from_uniform(elements, uniform, N));
	seek_all();
	return secret_calls(expanded, elements);
}

int main(int argc, char **argv)
{
	int path = atoi(argv[1]);
	if (sf_use(path) != path) return 77;
	draw_all(7);
	for (int i = 0; i < N; i++) scalars[32 * i + 31] &= 7;
	int status = all_calls();
	uint8_t *left = malloc(32);
	if (argc > 2) memcpy(left, scalars, 32);
	__asm__ volatile("" : : "r"(left) : "memory");
	sf_wipe(uniform, sizeof uniform); sf_wipe(scalars, sizeof scalars); sf_wipe(text, sizeof text);
	sf_wipe(expanded, sizeof expanded); sf_wipe(elements, sizeof elements); sf_wipe(out, sizeof out);
	int found = copies();
	printf("%d copies of %d patterns, %d registers, status %d\n", found, patterns, dirty, status);
	return found || dirty || status;
}
