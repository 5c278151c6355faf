/* The machine code as it runs: stepped instruction by instruction (ptrace), the sequence of instruction addresses must be
 * the same for all secrets. For the eight lanes, which valgrind does not know. x86-64 Linux.
 *
 * trace KERNEL.so PATH CALL    CALL: all, each, map, uniform, invert, one; sum on path 0, in variable time, must differ
 *
 * Answers 0 for equal traces, 1 for different ones, 77 where the processor has not this path. */
#include <dlfcn.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>
#define N 8
#define SECRETS 4

typedef int multiply(uint8_t *, const uint8_t *, int, const uint8_t *, size_t);
typedef int three(uint8_t *, const uint8_t *, size_t);
typedef int four(uint8_t *, const uint8_t *, const uint8_t *, size_t);
static uint8_t scalars[32 * N], uniform[64 * N], points[32 * N], out[64 * N];

static void draw(uint8_t *to, size_t size, int secret, size_t width)
{
	for (size_t i = 0; i < size; i++)
		to[i] = secret == 0 ? i % width == 0 : secret == 1 ? 0x88 : secret == 2 ? 0xff : (uint8_t)(rand() >> 8);
}

static int call(void *lib, const char *name)
{
	multiply *products = (multiply *)dlsym(lib, strcmp(name, "map") ? "sf_multiply" : "sf_map_multiply");
	if (!strcmp(name, "all")) return products(out, scalars, 0, points, N);
	if (!strcmp(name, "each")) return products(out, scalars, 1, points, N);
	if (!strcmp(name, "one")) return products(out, scalars, 0, points, 1);
	if (!strcmp(name, "map")) return products(out, scalars, 1, uniform, N);
	if (!strcmp(name, "sum")) return ((four *)dlsym(lib, "sf_weighted_sum"))(out, scalars, points, N);
	if (!strcmp(name, "invert")) return ((three *)dlsym(lib, "sf_invert"))(out, scalars, N);
	return ((three *)dlsym(lib, "sf_from_uniform"))(out, uniform, N);
}

int main(int argc, char **argv)
{
	(void)argc;
	void *lib = dlopen(argv[1], RTLD_NOW); /* or binding the symbols would be in the first trace */
	int path = atoi(argv[2]), differ = 0;
	uint64_t first = 0;
	if (!lib || ((int (*)(int))dlsym(lib, "sf_use"))(path) != path) return 77;
	draw(uniform, sizeof uniform, 3, 64);
	((three *)dlsym(lib, "sf_from_uniform"))(points, uniform, N);
	setvbuf(stdout, NULL, _IONBF, 0); /* its first use would change the heap between the traces */
	for (int secret = 0; secret < SECRETS; secret++) {
		draw(scalars, sizeof scalars, secret, 32);
		draw(uniform, sizeof uniform, secret, 64);
		pid_t child = fork();
		if (!child) {
			ptrace(PTRACE_TRACEME, 0, 0, 0);
			raise(SIGSTOP);
			call(lib, argv[3]);
			_exit(0);
		}
		int status;
		uint64_t hash = 1469598103934665603ULL, steps = 0;
		waitpid(child, &status, 0);
		while (!ptrace(PTRACE_SINGLESTEP, child, 0, 0) && waitpid(child, &status, 0) == child && WIFSTOPPED(status)) {
			size_t ip = offsetof(struct user_regs_struct, rip);
			hash = (hash ^ (uint64_t)ptrace(PTRACE_PEEKUSER, child, ip, 0)) * 1099511628211ULL;
			steps++;
		}
		if (!secret) first = hash;
		differ |= hash != first;
		printf("%s, secret %d: %lu instructions, trace %016lx\n", argv[3], secret, (unsigned long)steps, (unsigned long)hash);
	}
	return differ;
}
