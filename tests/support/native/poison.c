/* Under valgrind's memcheck secrets are marked undefined: a branch on one, or an address made of one, is reported.
 *
 * poison SEED            every call that meets secrets; nothing may be reported. Under callgrind all seeds execute as
 *                        many instructions.
 * poison SEED public     the sum, in variable time, of which there must be reports: else nothing was looked at. */
#include <stdint.h>
#include <stdio.h>
#include <valgrind/memcheck.h>

#define SECRET(x) VALGRIND_MAKE_MEM_UNDEFINED(x, sizeof x)
#define CALL(x) do { \
	int status = x; /* what a caller branches on is public */ \
	VALGRIND_MAKE_MEM_DEFINED(&status, sizeof status); \
	if (status) { printf("refused: %s\n", #x); return 2; } \
} while (0)
#include "secret_calls.h"

int main(int argc, char **argv)
{
	draw_all((unsigned)atoi(argv[1]));
	printf("path %d\n", sf_use(-1));
	SECRET(scalars); SECRET(uniform); SECRET(text);
	if (argc < 3) return secret_calls(uniform, points);
	int status = sf_weighted_sum(out, scalars, points, N);
	VALGRIND_MAKE_MEM_DEFINED(&status, sizeof status);
	printf("sum %d\n", status);
	return status;
}
