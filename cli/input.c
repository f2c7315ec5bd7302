#include "input.h"

#include "message.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* How much is read at a time. */
#define PIECE_LEN ((size_t)1024 * 1024)

static bool is_standard(const char *path)
{
    return strcmp(path, "-") == 0;
}

const char *cli_input_name(const char *path)
{
    return is_standard(path) ? "standard input" : path;
}

/* Room for all of a file whose size is known, and for the read that finds its end. */
static void expect_size(int fd, cli_text *into)
{
    struct stat facts;

    if (fstat(fd, &facts) == 0 && S_ISREG(facts.st_mode) && facts.st_size > 0)
        (void)cli_text_reserve(into, (size_t)facts.st_size + PIECE_LEN);
}

/* Answers 0 at the end, else errno. */
static int read_all(int fd, cli_text *into)
{
    for (;;) {
        ssize_t len;

        if (!cli_text_reserve(into, PIECE_LEN)) return ENOMEM;
        len = read(fd, into->buf.data + into->buf.len, PIECE_LEN);
        if (len == 0) return 0;
        if (len > 0) into->buf.len += (size_t)len;
        else if (errno != EINTR) return errno;
    }
}

cli_exit_code cli_input_read(const char *path, cli_text *into)
{
    int fd, error;

    cli_progress("reading", cli_input_name(path));
    fd = is_standard(path) ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return cli_complain(EXIT_INPUT, "cannot read %s: %s", path, strerror(errno));
    expect_size(fd, into);
    error = read_all(fd, into);
    if (fd != STDIN_FILENO) (void)close(fd);
    if (error == ENOMEM)
        return cli_complain(EXIT_SYSTEM, "%s: %s", cli_input_name(path),
                            mt_status_text(MT_NO_MEMORY));
    if (error)
        return cli_complain(EXIT_INPUT, "cannot read %s: %s", cli_input_name(path),
                            strerror(error));
    return EXIT_DONE;
}

bool cli_input_is_binary(mt_bytes bytes)
{
    return bytes.len > 0 && bytes.data[0] == MT_BINARY_VERSION_1;
}

cli_exit_code cli_input_graph(const char *path, mt_graph **out, cli_input_facts *facts)
{
    const mt_mem *mem = mt_mem_system();
    const char *name = cli_input_name(path);
    mt_error err = {MT_OK, ""};
    cli_exit_code code;
    mt_bytes bytes;
    mt_status st;
    cli_text file;

    cli_text_init(&file);
    code = cli_input_read(path, &file);
    bytes = mt_buf_bytes(&file.buf);
    if (code == EXIT_DONE) {
        st = cli_input_is_binary(bytes)
                 ? mt_binary_load(mem, NULL, mt_compressor_zstd(), name, bytes, out, &err)
                 : mt_json_load(mem, NULL, name, bytes, out, &err);
        if (st != MT_OK) code = cli_complain_error(&err, NULL, NULL);
        if (facts) *facts = (cli_input_facts){bytes.len, cli_input_is_binary(bytes)};
    }
    cli_text_free(&file);
    return code;
}
