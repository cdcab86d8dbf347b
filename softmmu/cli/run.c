/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `tandem VERB`. `tandem run FILE` looks at the file and chooses architecture,
 * machine, firmware, console, disk and network; one line says what was chosen,
 * as the options that would do the same.
 */
#include "tandem/base.h"

#include <elf.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "cli.h"

/* What a file is, and the options that run it; "%s" is its path. */
typedef struct Recipe {
    const char *what;
    const char *arch;
    const char *accel;       /* NULL: tcg */
    const char *options[12]; /* NULL-terminated */
} Recipe;

static const Recipe image_recipe = {
    "RISC-V kernel Image",
    "riscv64",
    NULL,
    { "-M", "virt", "-m", "1G", "-nographic", "-kernel", "%s" },
};
static const Recipe kernel_elf_recipe = {
    "supervisor-mode ELF",
    "riscv64",
    NULL,
    { "-M", "virt", "-m", "1G", "-nographic", "-kernel", "%s" },
};
static const Recipe bare_elf_recipe = {
    "machine-mode ELF",
    "riscv64",
    NULL,
    { "-M", "virt", "-m", "1G", "-nographic", "-bios", "none", "-kernel",
      "%s" },
};
static const Recipe bare_elf32_recipe = {
    "32-bit machine-mode ELF",
    "riscv32",
    NULL,
    { "-M", "virt", "-m", "1G", "-nographic", "-bios", "none", "-kernel",
      "%s" },
};
static const Recipe firmware_recipe = {
    "firmware",
    "riscv64",
    NULL,
    { "-M", "virt", "-m", "1G", "-nographic", "-bios", "%s" },
};
static const Recipe disk_recipe = {
    "disk image, started by U-Boot",
    "riscv64",
    NULL,
    { "-M", "virt", "-m", "1G", "-nographic", "-bios",
      "qemu-riscv64/u-boot.bin", "-drive", "if=virtio,format=raw,file=%s" },
};

/* KVM alone runs x86-64 here; console, disk and network are virtio's. */
static const Recipe bzimage_recipe = {
    "x86-64 Linux kernel",
    "x86_64",
    "kvm",
    { "-M", "microvm", "-cpu", "host", "-m", "1G", "-nographic", "-append",
      "console=ttyS0", "-kernel", "%s" },
};
static const Recipe x86_elf_recipe = {
    "x86-64 ELF kernel",
    "x86_64",
    "kvm",
    { "-M", "microvm", "-cpu", "host", "-m", "1G", "-nographic", "-append",
      "console=ttyS0", "-kernel", "%s" },
};

enum {
    OPENSBI_NEXT = 0x80200000, /* where OpenSBI goes on: fw_jump's default */
    IMAGE_MAGIC_AT = 0x38,     /* Linux Documentation/arch/riscv/boot-image-
                                  header.rst: magic2 */
};

static const Recipe *elf_recipe(const Elf64_Ehdr *e, const char *path,
                                Error **errp)
{
    if (e->e_machine == EM_X86_64 || e->e_machine == EM_386) {
        return &x86_elf_recipe;
    }
    if (e->e_machine != EM_RISCV) {
        error_set(errp,
                  "'%s' is an ELF file for machine %u, and this build "
                  "runs RISC-V and x86-64",
                  path, e->e_machine);
        return NULL;
    }
    if (e->e_ident[EI_CLASS] == ELFCLASS32) {
        return &bare_elf32_recipe;
    }
    return e->e_entry < OPENSBI_NEXT ? &bare_elf_recipe : &kernel_elf_recipe;
}

static const Recipe *choose(const char *path, Error **errp)
{
    union {
        Elf64_Ehdr elf;
        uint8_t bytes[1024];
    } head = { .bytes = { 0 } };
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat st;
    ssize_t n;

    if (fd < 0 || fstat(fd, &st) < 0) {
        error_set_errno(errp, errno, "cannot open '%s'", path);
        return NULL;
    }
    n = read(fd, head.bytes, sizeof(head));
    close(fd);
    if (n <= 0) {
        error_set(errp, "'%s' is empty", path);
        return NULL;
    }
    if (memcmp(head.bytes, ELFMAG, SELFMAG) == 0) {
        return elf_recipe(&head.elf, path, errp);
    }
    if (memcmp(head.bytes + IMAGE_MAGIC_AT, "RSC\x05", 4) == 0) {
        return &image_recipe;
    }
    /* Linux Documentation/arch/x86/boot.rst: the header's magic */
    if (memcmp(head.bytes + 0x202, "HdrS", 4) == 0) {
        return &bzimage_recipe;
    }
    if (st.st_size % 512 == 0 && head.bytes[510] == 0x55 &&
        head.bytes[511] == 0xaa) {
        return &disk_recipe; /* a partition table; ISO hybrids too */
    }
    if (st.st_size % 512 == 0 && st.st_size > 32 * (off_t)MiB) {
        return &disk_recipe;
    }
    return &firmware_recipe;
}

/* Parse the recipe's options, then the user's own, which may override. */
static bool run_file(StartPlan *p, int argc, char **argv, Error **errp)
{
    g_autoptr(GPtrArray) all = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GString) said = g_string_new(NULL);
    const Recipe *r;

    if (argc < 1) {
        error_set(errp, "run: which file?");
        return false;
    }
    r = choose(argv[0], errp);
    if (!r) {
        return false;
    }
    p->who.arch = r->arch;
    for (const char *const *o = r->options; *o; o++) {
        const char *mark = strstr(*o, "%s");
        char *word =
            mark ? g_strdup_printf("%.*s%s", (int)(mark - *o), *o, argv[0])
                 : g_strdup(*o);

        g_ptr_array_add(all, word);
        g_string_append_printf(said, " %s", word);
    }
    for (int i = 1; i < argc; i++) {
        g_ptr_array_add(all, g_strdup(argv[i]));
    }
    if (!cli_parse(p, all->len, (char **)all->pdata, errp)) {
        return false;
    }
    if (r->accel && !p->accel) { /* the user's own -accel comes instead */
        p->accel = g_ptr_array_new_with_free_func(g_free);
        g_ptr_array_add(p->accel, g_strdup(r->accel));
    }
    fprintf(stderr, "tandem: %s is a %s: tandem-system-%s -accel %s%s\n",
            argv[0], r->what, r->arch,
            p->accel ? (char *)g_ptr_array_index(p->accel, 0) : "tcg",
            said->str);
    return true;
}

static void print_verbs(void)
{
    printf("Tandem " TANDEM_VERSION "\n"
           "usage: tandem run FILE [options]\n"
           "           run a kernel, an ELF program, firmware or a disk\n"
           "       tandem system ARCH [options]\n"
           "           the machine emulator, as tandem-system-ARCH\n"
           "       tandem help | --version\n");
}

bool cli_verb(StartPlan *p, int argc, char **argv, Error **errp)
{
    static const char *const verbs[] = { "run", "system", "help", NULL };

    if (argc == 0 || strcmp(argv[0], "help") == 0 ||
        strcmp(argv[0], "--help") == 0 || strcmp(argv[0], "-h") == 0) {
        print_verbs();
        p->done = true;
        return true;
    }
    if (strcmp(argv[0], "--version") == 0 || strcmp(argv[0], "-version") == 0) {
        cli_print_version(p);
        p->done = true;
        return true;
    }
    if (strcmp(argv[0], "run") == 0) {
        return run_file(p, argc - 1, argv + 1, errp);
    }
    error_set(errp, "'%s' is not a verb of tandem", argv[0]);
    error_suggest(errp, argv[0], verbs);
    error_hint(errp, "tandem help says what there is");
    return false;
}
