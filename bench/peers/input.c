#include "peers.h"

#include "../figure.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Reading: lines of fields between tabs, of which the first is the kind ---- */

static const char kinds[PEERS_LISTS] = {'u', 'r', 'a', 'b'};

/* The next field of a line; `*at` comes to lie behind it. Empty at the end of the line. */
static mt_bytes next_field(char **at)
{
    char *start = *at;
    size_t len = strcspn(start, "\t\n");

    *at = start + len + (start[len] == '\t');
    return (mt_bytes){(uint8_t *)start, len};
}

static uint32_t next_number(char **at)
{
    mt_bytes field = next_field(at);

    return (uint32_t)strtoul((const char *)field.data, NULL, 10);
}

static char *file_text(const char *path)
{
    FILE *file = fopen(path, "rb");
    long len = -1;
    char *text;

    bench_well(file && fseek(file, 0, SEEK_END) == 0, path);
    len = ftell(file);
    bench_well(len >= 0 && fseek(file, 0, SEEK_SET) == 0, path);
    text = bench_room((size_t)len + 1, 1);
    bench_well(fread(text, 1, (size_t)len, file) == (size_t)len, path);
    (void)fclose(file);
    return text;
}

static size_t lines_of(const char *text, char kind)
{
    size_t count = 0;

    for (; *text; text = strchr(text, '\n') + 1) count += *text == kind;
    return count;
}

static void take_edit(peers_input *in, peers_edits *edits, char *at)
{
    peers_edit *edit = &edits->at[edits->count++];

    edit->node = next_number(&at);
    edit->field = next_number(&at);
    edit->value = next_field(&at);
    if (edit->node >= in->count || edit->field >= in->name_count) bench_fail("input", "an edit");
}

static void take_line(peers_input *in, char *at)
{
    char kind = (char)*next_field(&at).data;
    const char *list = memchr(kinds, kind, sizeof kinds);

    if (kind == 'f') {
        while (*at && *at != '\n') in->names[in->name_count++] = next_field(&at);
    } else if (kind == 'n') {
        in->uids[in->count] = next_field(&at);
        for (size_t i = 0; i < in->name_count; i++)
            in->values[in->count * in->name_count + i] = next_field(&at);
        in->count++;
    } else if (list) {
        take_edit(in, &in->lists[list - kinds], at);
    } else {
        bench_fail("input", "a line of no kind");
    }
}

peers_input peers_input_read(const char *path)
{
    peers_input in = {.text = file_text(path)};
    size_t len = strlen(in.text), nodes, width;

    if (len == 0 || in.text[len - 1] != '\n' || in.text[0] != 'f') bench_fail(path, "no input");
    width = strcspn(in.text, "\n");
    nodes = lines_of(in.text, 'n');
    in.names = bench_room(width, sizeof *in.names);
    in.uids = bench_room(nodes + 1, sizeof *in.uids);
    for (size_t i = 0; i < PEERS_LISTS; i++)
        in.lists[i].at = bench_room(lines_of(in.text, kinds[i]) + 1, sizeof *in.lists[i].at);
    for (char *at = in.text; *at; at = strchr(at, '\n') + 1) {
        take_line(&in, at);
        if (!in.values) in.values = bench_room(nodes * in.name_count + 1, sizeof *in.values);
    }
    return in;
}

peers_input peers_input_part(const peers_input *in, size_t count)
{
    peers_input part = *in;

    part.count = count < in->count ? count : in->count;
    for (size_t i = 0; i < PEERS_LISTS; i++) {
        const peers_edits *all = &in->lists[i];
        peers_edits *some = &part.lists[i];
        *some = (peers_edits){.at = bench_room(all->count + 1, sizeof *some->at)};
        for (size_t k = 0; k < all->count; k++)
            if (all->at[k].node < part.count) some->at[some->count++] = all->at[k];
    }
    part.text = NULL;
    return part;
}

void peers_input_free(peers_input *in)
{
    for (size_t i = 0; i < PEERS_LISTS; i++) free(in->lists[i].at);
    if (!in->text) return; /* a part */
    free(in->values);
    free(in->uids);
    free(in->names);
    free(in->text);
}

/* ---- The digest: CRC-32 of ISO-HDLC, as zlib's ---- */

static uint32_t crc_add(uint32_t crc, mt_bytes bytes)
{
    static uint32_t table[256];

    if (table[1] == 0)
        for (uint32_t i = 0; i < 256; i++) {
            uint32_t c = i;
            for (int k = 0; k < 8; k++) c = c >> 1 ^ (c & 1 ? 0xEDB88320u : 0);
            table[i] = c;
        }
    for (size_t i = 0; i < bytes.len; i++) crc = crc >> 8 ^ table[(crc ^ bytes.data[i]) & 0xFF];
    return crc;
}

void peers_digest_add(peers_digest *digest, mt_bytes uid, mt_bytes name, mt_bytes value)
{
    uint32_t crc = crc_add(0xFFFFFFFFu, uid);

    crc = crc_add(crc_add(crc, mt_str("\t")), name);
    crc = crc_add(crc_add(crc, mt_str("\t")), value);
    digest->sum += crc ^ 0xFFFFFFFFu;
    digest->count++;
}
