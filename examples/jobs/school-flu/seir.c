/*
 * How well does an SEIR epidemic with one pair of rates explain a table of daily counts, for each of several latent periods?
 *
 *   seir --cell U --columns C --rows R --beta FROM TO --gamma FROM TO --latency TO K --people N DATA OUT
 *
 * Cell U of a grid of C columns (beta, per day) and R rows (gamma, per day) is tried with K latent periods from 0 (no latency: SIR) to TO
 * days. DATA is a table "day,count" with one line of heading; OUT gets K lines, each the sum of squared differences.
 *
 *   dS = -beta S I / N,  dE = beta S I / N - E / latency,  dI = E / latency - gamma I,  one infectious person on day 0,
 * by the classical Runge-Kutta method of fourth order. Kermack and McKendrick, Proc. R. Soc. A 115 (1927) 700.
 *
 * Only + - * / on doubles, so that every compiler and machine that follows IEEE 754 gives the same bits.
 *
 * Copyright The PeerCompute authors. SPDX-License-Identifier: Apache-2.0
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DAYS_MAX 1000
#define STEPS_PER_DAY 200

typedef struct { double s, e, i; } State;

static double people, beta, gamma_, latency;
static int days;
static double day[DAYS_MAX], count[DAYS_MAX];

static void fail(const char *what, const char *which) {
  fprintf(stderr, "seir: %s: %s\n", what, which);
  exit(2);
}

static double number(const char *text) {
  char *end;
  errno = 0;
  double value = strtod(text, &end);
  if (end == text || *end != '\0' || errno != 0) fail("not a number", text);
  return value;
}

static State change(State at) {
  double infected = beta * at.s * at.i / people;
  double ill = latency > 0 ? at.e / latency : infected;
  State d = {-infected, infected - ill, ill - gamma_ * at.i};
  return d;
}

static State moved(State at, State d, double h) {
  State to = {at.s + h * d.s, at.e + h * d.e, at.i + h * d.i};
  return to;
}

static State step(State at, double h) {
  State a = change(at), b = change(moved(at, a, h / 2)), c = change(moved(at, b, h / 2)), d = change(moved(at, c, h));
  State mean = {(a.s + 2 * b.s + 2 * c.s + d.s) / 6, (a.e + 2 * b.e + 2 * c.e + d.e) / 6, (a.i + 2 * b.i + 2 * c.i + d.i) / 6};
  return moved(at, mean, h);
}

static void read_table(const char *path) {
  FILE *file = fopen(path, "r");
  char line[200];
  if (file == NULL) fail(strerror(errno), path);
  if (fgets(line, sizeof line, file) == NULL) fail("empty table", path);
  while (days < DAYS_MAX && fgets(line, sizeof line, file) != NULL) {
    if (sscanf(line, "%lf,%lf", &day[days], &count[days]) != 2) fail("no day and count", line);
    if (day[days] < (days > 0 ? day[days - 1] : 0)) fail("days go back", line);
    days++;
  }
  fclose(file);
}

static double misfit(void) {
  State at = {people - 1, 0, 1};
  double sum = 0;
  long done = 0;
  for (int n = 0; n < days; n++) {
    long until = (long)(day[n] * STEPS_PER_DAY + 0.5);
    for (; done < until; done++) at = step(at, 1.0 / STEPS_PER_DAY);
    sum += (at.i - count[n]) * (at.i - count[n]);
  }
  return sum;
}

int main(int argc, char **argv) {
  double cell = 0, columns = 1, rows = 1, b0 = 0, b1 = 0, g0 = 0, g1 = 0, l1 = 0, periods = 1;
  const char *data = NULL, *out = NULL;
  for (int n = 1; n < argc; n++) {
    const char *name = argv[n];
    int left = argc - n - 1;
    if (strcmp(name, "--cell") == 0 && left >= 1) cell = number(argv[++n]);
    else if (strcmp(name, "--columns") == 0 && left >= 1) columns = number(argv[++n]);
    else if (strcmp(name, "--rows") == 0 && left >= 1) rows = number(argv[++n]);
    else if (strcmp(name, "--people") == 0 && left >= 1) people = number(argv[++n]);
    else if (strcmp(name, "--beta") == 0 && left >= 2) b0 = number(argv[++n]), b1 = number(argv[++n]);
    else if (strcmp(name, "--gamma") == 0 && left >= 2) g0 = number(argv[++n]), g1 = number(argv[++n]);
    else if (strcmp(name, "--latency") == 0 && left >= 2) l1 = number(argv[++n]), periods = number(argv[++n]);
    else if (name[0] == '-') fail("unknown or incomplete option", name);
    else if (data == NULL) data = name;
    else if (out == NULL) out = name;
    else fail("too many arguments", name);
  }
  if (out == NULL) fail("usage", "seir OPTIONS DATA OUT");
  if (!(columns >= 2 && rows >= 2 && periods >= 1 && people > 1)) fail("too small", "--columns, --rows, --latency or --people");
  if (!(cell >= 0 && cell < columns * rows)) fail("no such cell", "--cell");
  read_table(data);

  long row = (long)(cell / columns), column = (long)(cell - (double)row * columns);
  beta = b0 + (b1 - b0) * (double)column / (columns - 1);
  gamma_ = g0 + (g1 - g0) * (double)row / (rows - 1);
  FILE *file = fopen(out, "w");
  if (file == NULL) fail(strerror(errno), out);
  for (int k = 0; k < (int)periods; k++) {
    latency = periods > 1 ? l1 * k / (periods - 1) : 0;
    fprintf(file, "%.17g\n", misfit());
  }
  if (fclose(file) != 0) fail(strerror(errno), out);
  return 0;
}
