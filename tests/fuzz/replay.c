/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Runs a fuzzer without libFuzzer: replay NAME CORPUS GENERATED MAX_SIZE.
 * Each corpus file is one TAP point, then GENERATED inputs from a seed are
 * another. A crash ends the output early, which the runner counts as a
 * failure; the last "# input" line says which input it was.
 */
#include "tests/fuzz/fuzz.h"

#include <sys/stat.h>

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Names of the regular files in @folder, sorted; empty when there is none. */
static GPtrArray *list(const char *folder)
{
    GPtrArray *names = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
    const char *name;

    while (dir && (name = g_dir_read_name(dir)) != NULL) {
        char *path = g_build_filename(folder, name, NULL);

        if (g_file_test(path, G_FILE_TEST_IS_REGULAR)) {
            g_ptr_array_add(names, path);
        } else {
            g_free(path);
        }
    }
    g_ptr_array_sort(names, by_name);
    return names;
}

static void run_file(const char *path)
{
    g_autofree char *data = NULL;
    gsize size;

    printf("# input %s\n", path);
    fflush(stdout);
    if (!g_file_get_contents(path, &data, &size, NULL)) {
        fprintf(stderr, "cannot read %s\n", path);
        exit(1);
    }
    LLVMFuzzerTestOneInput((const uint8_t *)data, size);
}

/* xorshift64* (Vigna 2016): repeatable on every host. */
static uint64_t next_random(uint64_t *state)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * UINT64_C(0x2545f4914f6cdd1d);
}

/*
 * @count inputs: half are random bytes, half a corpus file with a few bytes
 * changed and its end cut.
 */
static void run_generated(GPtrArray *corpus, long count, size_t max_size)
{
    const char *round = g_getenv("TANDEM_ROUND");
    uint64_t state = 0x9e3779b97f4a7c15u + (round ? strtoul(round, 0, 10) : 0);

    for (long n = 0; n < count; n++) {
        g_autofree char *data = NULL;
        gsize size = next_random(&state) % (max_size + 1);
        unsigned changes = 1 + next_random(&state) % 8;

        if (corpus->len > 0 && n % 2 == 0) {
            const char *path = corpus->pdata[next_random(&state) % corpus->len];

            g_file_get_contents(path, &data, &size, NULL);
        }
        if (data == NULL) {
            data = g_malloc(size + 1);
            for (gsize i = 0; i < size; i++) {
                data[i] = next_random(&state);
            }
        }
        for (unsigned i = 0; i < changes && size > 0; i++) {
            data[next_random(&state) % size] = next_random(&state);
        }
        if (next_random(&state) % 4 == 0) {
            size = next_random(&state) % (size + 1);
        }
        LLVMFuzzerTestOneInput((const uint8_t *)data, size);
    }
}

int main(int argc, char **argv)
{
    g_autoptr(GPtrArray) corpus = NULL;
    long count;

    if (argc != 5) {
        fprintf(stderr, "usage: %s NAME CORPUS GENERATED MAX_SIZE\n", argv[0]);
        return 2;
    }
    corpus = list(argv[2]);
    count = strtol(argv[3], NULL, 10);
    printf("1..%u\n", corpus->len + 1);
    for (guint i = 0; i < corpus->len; i++) {
        run_file(corpus->pdata[i]);
        printf("ok %u - corpus %s\n", i + 1,
               strrchr(corpus->pdata[i], '/') + 1);
    }
    printf("# input: one of %ld from the seed\n", count);
    fflush(stdout);
    run_generated(corpus, count, strtoul(argv[4], NULL, 10));
    printf("ok %u - %ld generated inputs\n", corpus->len + 1, count);
    return 0;
}
