/*
 * What a WASI program can try, one thing a call: for tests. `wasi-tool.wasm` is it, built by Debian's clang 14.0.6 and wasi-libc:
 *   clang --target=wasm32-wasi --sysroot=/usr -Os -Wl,--strip-all -o wasi-tool.wasm wasi-tool.c
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static void *volatile held; /* or the compiler takes memory that nobody reads for granted */

static int deeper(volatile int n) { return n + deeper(n + 1) + 1; }

static int copy(FILE *from, FILE *to) {
  if (from == NULL || to == NULL) return printf("%s", strerror(errno)), 0;
  for (int c = getc(from); c != EOF; c = getc(from)) putc(c, to);
  fclose(from);
  fclose(to);
  return 0;
}

static long long nanoseconds(clockid_t clock) {
  struct timespec now;
  clock_gettime(clock, &now);
  return now.tv_sec * 1000000000LL + now.tv_nsec;
}

int main(int argc, char **argv) {
  const char *what = argc > 1 ? argv[1] : "";
  const char *a = argc > 2 ? argv[2] : "", *b = argc > 3 ? argv[3] : "";
  char bytes[4096] = {0};
  if (strcmp(what, "echo") == 0) for (int n = 2; n < argc; n++) printf("%s|", argv[n]);
  else if (strcmp(what, "env") == 0) printf("%s", getenv(a) ? getenv(a) : "none");
  else if (strcmp(what, "cat") == 0) return copy(stdin, stdout);
  else if (strcmp(what, "copy") == 0) return copy(fopen(a, "r"), fopen(b, "w"));
  else if (strcmp(what, "move") == 0) printf("%d", rename(a, b) ? errno : 0);
  else if (strcmp(what, "append") == 0) fputs(b, fopen(a, "a"));
  else if (strcmp(what, "list") == 0) {
    DIR *folder = opendir(a);
    struct stat facts;
    for (struct dirent *entry; folder && (entry = readdir(folder));) {
      snprintf(bytes, sizeof bytes, "%s/%s", a, entry->d_name);
      printf("%s:%lld ", entry->d_name, stat(bytes, &facts) ? -1LL : (long long)facts.st_ino);
    }
  } else if (strcmp(what, "clock") == 0) {
    long long begin = nanoseconds(CLOCK_MONOTONIC);
    printf("%lld ", nanoseconds(CLOCK_REALTIME));
    sleep(5);
    printf("%lld", nanoseconds(CLOCK_MONOTONIC) - begin);
  } else if (strcmp(what, "random") == 0) {
    getentropy(bytes, 16);
    for (int n = 0; n < 16; n++) printf("%02x", (unsigned char)bytes[n]);
  } else if (strcmp(what, "exit") == 0) {
    fprintf(stderr, "%s\n", b);
    exit(atoi(a));
  } else if (strcmp(what, "noise") == 0) {
    for (int n = 0; n < 10000; n++) fprintf(stderr, "line %d\n", n);
    exit(1);
  } else if (strcmp(what, "flood") == 0) for (;;) fwrite(bytes, 1, sizeof bytes, stdout);
  else if (strcmp(what, "fill") == 0) {
    FILE *file = fopen(a, "w");
    long long written = 0;
    while (file && fwrite(bytes, 1, sizeof bytes, file) == sizeof bytes) written += sizeof bytes;
    printf("%lld %d", written, errno);
  } else if (strcmp(what, "names") == 0) {
    int made = 0;
    for (;; made++) {
      snprintf(bytes, sizeof bytes, "/out/%d", made);
      FILE *file = fopen(bytes, "w");
      if (file == NULL) break;
      fclose(file);
    }
    printf("%d %d", made, errno);
  } else if (strcmp(what, "open") == 0) {
    int opened = 0, again = 0;
    for (; again < 5000; again++) fclose(fopen("/in/data", "r"));
    while (fopen("/in/data", "r") != NULL) opened++;
    printf("%d %d %d", again, opened, errno);
  } else if (strcmp(what, "sparse") == 0) {
    FILE *file = fopen(a, "w");
    printf("%d", ftruncate(fileno(file), 1LL << 40) ? errno : 0);
    printf(" %d", pwrite(fileno(file), "x", 1, 1LL << 40) < 0 ? errno : 0);
  } else if (strcmp(what, "grow") == 0) {
    int got = 0;
    for (; (held = malloc(1 << 20)) != NULL; got++) *(volatile char *)held = 1;
    printf("%d", got);
  } else if (strcmp(what, "trap") == 0) __builtin_trap();
  else if (strcmp(what, "deep") == 0) return deeper(argc);
  else if (strcmp(what, "spin") == 0) for (volatile int n = 0;; n++) continue;
  return 0;
}
