/* SPDX-License-Identifier: MIT */
#include "broker_request.h"

#include <string.h>

#include "util.h"

struct reader {
    char *next, *end;
};

/* As many strings as there must be; NULL where the message ends before. */
static char **read_strings(struct reader *reader, size_t count, struct sdme_error *error)
{
    char **strings = calloc(count + 1, sizeof *strings);

    if (!strings) {
        sdme_fail(error, ENOMEM, "read a request");
        return NULL;
    }
    for (size_t i = 0; i < count; i++) {
        char *end = memchr(reader->next, '\0', (size_t) (reader->end - reader->next));

        if (!end) {
            sdme_fail_as(error, SDME_EFORMAT, "request: it ends before string %zu of %zu", i + 1,
                         count);
            free(strings);
            return NULL;
        }
        strings[i] = reader->next;
        reader->next = end + 1;
    }
    return strings;
}

int sdme_broker_request_read(char *message, size_t size, struct sdme_broker_request *ret_request,
                             struct sdme_error *error)
{
    _cleanup_(sdme_broker_request_free) struct sdme_broker_request request = {0};
    struct sdme_broker_head head;

    if (size < sizeof head || size > SDME_BROKER_REQUEST_MAX)
        return sdme_fail_as(error, SDME_EFORMAT, "request: expected %zu to %d bytes, not %zu",
                            sizeof head, SDME_BROKER_REQUEST_MAX, size);
    memcpy(&head, message, sizeof head);
    /* Each string has at least its end. */
    if (head.arguments == 0 || head.arguments > size || head.variables > size)
        return sdme_fail_as(error, SDME_EFORMAT,
                            "request: %u arguments and %u variables in %zu "
                            "bytes",
                            head.arguments, head.variables, size);
    struct reader reader = {.next = message + sizeof head, .end = message + size};
    request.arguments = read_strings(&reader, head.arguments, error);
    if (!request.arguments)
        return -SDME_EFORMAT;
    request.variables = read_strings(&reader, head.variables, error);
    if (!request.variables)
        return -SDME_EFORMAT;
    if (reader.next != reader.end)
        return sdme_fail_as(error, SDME_EFORMAT, "request: %zu bytes behind its last string",
                            (size_t) (reader.end - reader.next));
    if (request.arguments[0][0] != '/')
        return sdme_fail_as(error, SDME_EFORMAT,
                            "request: expected the absolute path of a program");
    ret_request->arguments = SDME_TAKE(request.arguments);
    ret_request->variables = SDME_TAKE(request.variables);
    return 0;
}

void sdme_broker_request_free(struct sdme_broker_request *request)
{
    free(request->arguments);
    free(request->variables);
    *request = (struct sdme_broker_request){0};
}
