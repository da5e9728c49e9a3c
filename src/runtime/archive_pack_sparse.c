/* SPDX-License-Identifier: MIT */
#include "archive_pack_sparse.h"

#include <inttypes.h>
#include <string.h>
#include <sys/types.h>

#include "archive_pack_header.h"
#include "util.h"

enum {
    PIECES_MAX = 128 * 1024,
    LINE_MAX_SIZE = sizeof "18446744073709551615\n",
};

static int add_piece(struct sdme_pack_sparse *sparse, uint64_t offset, uint64_t size)
{
    if (sparse->count % 64 == 0) {
        struct sdme_pack_sparse_piece *pieces =
            realloc(sparse->pieces, (sparse->count + 64) * sizeof *pieces);

        if (!pieces)
            return -ENOMEM;
        sparse->pieces = pieces;
    }
    sparse->pieces[sparse->count++] = (struct sdme_pack_sparse_piece){offset, size};
    sparse->data_size += size;
    return 0;
}

static int read_pieces(int fd, uint64_t size, struct sdme_pack_sparse *sparse)
{
    for (uint64_t at = 0; at < size;) {
        off_t data = lseek(fd, (off_t) at, SEEK_DATA);

        if (data < 0 && errno == ENXIO)
            break;
        off_t hole = data < 0 ? -1 : lseek(fd, data, SEEK_HOLE);
        if (hole < 0)
            return errno == ENXIO ? -EBUSY : -errno;
        if ((uint64_t) hole > size || sparse->count + 1 == PIECES_MAX)
            hole = (off_t) size;
        if (data >= hole)
            break;
        int code = add_piece(sparse, (uint64_t) data, (uint64_t) (hole - data));
        if (code < 0)
            return code;
        at = (uint64_t) hole;
    }
    return 0;
}

/* "COUNT\nOFFSET\nSIZE\n...", padded; GNU tar finds the end of the file in a last, empty piece. */
static int make_map(struct sdme_pack_sparse *sparse)
{
    size_t room = (2 * sparse->count + 1) * LINE_MAX_SIZE + SDME_PACK_BLOCK;
    char *map = malloc(room);

    if (!map)
        return -ENOMEM;
    char *at = map + sprintf(map, "%zu\n", sparse->count);
    for (size_t i = 0; i < sparse->count; i++)
        at += sprintf(at, "%" PRIu64 "\n%" PRIu64 "\n", sparse->pieces[i].offset,
                      sparse->pieces[i].size);
    size_t length = (size_t) (at - map), padding = -length % SDME_PACK_BLOCK;
    memset(at, 0, padding);
    sparse->map = map;
    sparse->map_size = length + padding;
    return 0;
}

static uint64_t end_of_data(const struct sdme_pack_sparse *sparse)
{
    if (sparse->count == 0)
        return 0;
    const struct sdme_pack_sparse_piece *last = &sparse->pieces[sparse->count - 1];
    return last->offset + last->size;
}

int sdme_pack_sparse_read(int fd, uint64_t size, struct sdme_pack_sparse *ret_sparse)
{
    struct sdme_pack_sparse sparse = {0};

    int code = read_pieces(fd, size, &sparse);
    if (code >= 0 && sparse.data_size < size) {
        if (end_of_data(&sparse) < size)
            code = add_piece(&sparse, size, 0);
        if (code >= 0)
            code = make_map(&sparse);
    }
    if (code < 0 || !sparse.map)
        sdme_pack_sparse_free(&sparse);
    if (code >= 0)
        *ret_sparse = sparse;
    return code;
}

void sdme_pack_sparse_free(struct sdme_pack_sparse *sparse)
{
    free(sparse->pieces);
    free(sparse->map);
    *sparse = (struct sdme_pack_sparse){0};
}
