/* SPDX-License-Identifier: MIT */
#include "fuzz.h"

#include <sys/mman.h>
#include <unistd.h>

#include "runtime/qcow2.h"
#include "runtime/qcow2_image.h"

enum {
    EXTENTS_MAX = 2000, /* a disk may be large and all of pieces */
    READ_SIZE = 64 * 1024,
};

static void must_explain(int code, const struct sdme_error *error)
{
    MUST(code < 0 && error->code == -code);
    MUST(!strncmp(error->message, "fuzz: ", 6));
}

/* The extents cover the disk without gaps, and what they name lies in the file. */
static void map(const struct sdme_qcow2 *image, uint64_t size)
{
    struct sdme_qcow2_cursor *cursor;
    struct sdme_qcow2_extent extent;
    uint64_t offset = 0;

    MUST(sdme_qcow2_cursor_new(image, &cursor, NULL) == 0);
    for (int i = 0; i < EXTENTS_MAX && offset < sdme_qcow2_info(image)->size; i++) {
        struct sdme_error error = {0};
        uint64_t limit = sdme_qcow2_info(image)->size - offset;
        int code = sdme_qcow2_map(cursor, offset, limit, &extent, &error);

        if (code < 0) {
            must_explain(code, &error);
            break;
        }
        MUST(extent.offset == offset && extent.length > 0 && extent.length <= limit);
        MUST(extent.kind != SDME_QCOW2_UNALLOCATED);
        if (extent.kind == SDME_QCOW2_DATA)
            MUST(extent.host > 0 && extent.host < size && extent.length <= size - extent.host);
        if (extent.kind == SDME_QCOW2_COMPRESSED)
            MUST(extent.host < size && extent.size > 0 && extent.size <= size - extent.host);
        offset += extent.length;
    }
    sdme_qcow2_cursor_free(cursor);
}

static void read_at(struct sdme_qcow2 *image, uint64_t offset, char *buffer)
{
    struct sdme_error error = {0};
    uint64_t size = sdme_qcow2_info(image)->size;
    uint64_t rest = offset < size ? size - offset : 0;
    size_t count;

    int code = sdme_qcow2_read(image, offset, buffer, READ_SIZE, &count, &error);
    if (code < 0)
        must_explain(code, &error);
    else
        MUST(count == (rest < READ_SIZE ? rest : READ_SIZE));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sdme_error error = {0};
    struct sdme_qcow2 *image;
    int fd = memfd_create("fuzz", MFD_CLOEXEC);

    MUST(fd >= 0 && write(fd, data, size) == (ssize_t) size);
    int code = sdme_qcow2_open(fd, "fuzz", SDME_QCOW2_NO_BACKING, &image, &error);
    close(fd);
    if (code < 0) {
        must_explain(code, &error);
        return 0;
    }
    char *buffer = malloc(READ_SIZE);

    MUST(buffer);
    map(image, size);
    read_at(image, 0, buffer);
    read_at(image, sdme_qcow2_info(image)->size / 2 + 1, buffer);
    read_at(image, sdme_qcow2_info(image)->size - 1, buffer);
    free(buffer);
    sdme_qcow2_unref(image);
    return 0;
}
