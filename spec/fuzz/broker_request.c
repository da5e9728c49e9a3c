/* SPDX-License-Identifier: MIT */
#include "fuzz.h"

#include "runtime/broker_request.h"

static size_t add(const char *const *strings, char *message, size_t length)
{
    for (; *strings; strings++) {
        size_t size = strlen(*strings) + 1;

        memcpy(message + length, *strings, size);
        length += size;
    }
    return length;
}

static uint32_t count(char *const *strings)
{
    uint32_t number = 0;

    while (strings[number])
        number++;
    return number;
}

/* What is read as a request says all that the message does. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sdme_broker_request request;
    struct sdme_error error = {0};
    char *message = malloc(size + 1), *again = calloc(1, size + 1);

    MUST(message && again);
    if (size > 0)
        memcpy(message, data, size);
    if (sdme_broker_request_read(message, size, &request, &error) == 0) {
        struct sdme_broker_head head = {count(request.arguments), count(request.variables)};
        size_t length = sizeof head;

        MUST(request.arguments[0][0] == '/');
        memcpy(again, &head, sizeof head);
        length = add((const char *const *) request.arguments, again, length);
        length = add((const char *const *) request.variables, again, length);
        MUST(length == size && memcmp(again, data, size) == 0);
        sdme_broker_request_free(&request);
    } else {
        MUST(error.code > 0 && error.message[0]);
    }
    free(message);
    free(again);
    return 0;
}
