/* SPDX-License-Identifier: MIT */
#include "line_editor.h"

#include <fcntl.h>
#include <histedit.h>
#include <langinfo.h>
#include <limits.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <wchar.h>

#include "library.h"
#include "util.h"

#define FUNCTIONS(X)                                                                               \
    X(el_init_fd)                                                                                  \
    X(el_end)                                                                                      \
    X(el_gets)                                                                                     \
    X(el_set) X(el_wset) X(el_line) X(el_insertstr) X(el_source) X(el_resize) X(history_init)      \
        X(history_end) X(history)
struct libedit {
    FUNCTIONS(SDME_LIBRARY_MEMBER)
};
static const char *const names[] = {FUNCTIONS(SDME_LIBRARY_NAME) NULL};

struct sdme_line_editor {
    struct libedit lib;
    struct sdme_line_editor_options options;
    EditLine *line;
    History *history;
    FILE *input, *output;
    locale_t locale; /* UTF-8, in force while libedit works; 0: none */
    char *prompt;
    bool interrupted;
};

static const char LIBRARY[] = "libedit.so.2";

/* Keys besides those of libedit's own emacs table and the terminal's description. */
enum {
    OWN_KEYS = 3,
};
static const char *const keys[][2] = {
    {"^I", "sdme-complete"},      {"^C", "sdme-interrupt"},      {"^Z", "sdme-suspend"},
    {"^R", "em-inc-search-prev"}, {"^W", "ed-delete-prev-word"}, {"\\e[3~", "ed-delete-next-char"},
    {"\\e[1~", "ed-move-to-beg"}, {"\\e[4~", "ed-move-to-end"},  {"\\e[H", "ed-move-to-beg"},
    {"\\e[F", "ed-move-to-end"},  {"\\e[1;5C", "em-next-word"},  {"\\e[1;5D", "ed-prev-word"},
};

/*
 * libedit hands its callbacks the line alone, and without el_get() there is no way from there to
 * the editor. It is loaded already, so that asking for it again costs next to nothing.
 */
static struct sdme_line_editor *editor_of(EditLine *line)
{
    static const char *const name[] = {"el_get", NULL};
    struct sdme_line_editor *editor = NULL;
    __typeof__(el_get) *get = NULL;

    if (sdme_library_load(LIBRARY, name, &get, NULL) == 0)
        get(line, EL_CLIENTDATA, &editor);
    return editor;
}

static char *show_prompt(EditLine *line)
{
    static char none[] = "";
    const struct sdme_line_editor *editor = editor_of(line);

    return editor ? editor->prompt : none;
}

static void show(struct sdme_line_editor *editor, const char *before, const char *text)
{
    fwrite(before, 1, strlen(before), editor->output);
    fwrite(text, 1, strlen(text), editor->output);
    fwrite("\n", 1, 1, editor->output);
    fflush(editor->output);
}

static unsigned char on_complete(EditLine *line, int key)
{
    struct sdme_line_editor *editor = editor_of(line);
    struct sdme_line_completion completion = {0};
    unsigned char result = CC_REFRESH_BEEP;

    (void) key;
    if (!editor || !editor->options.complete)
        return CC_ERROR;
    const LineInfo *info = editor->lib.el_line(line);
    _cleanup_free_ char *before = strndup(info->buffer, (size_t) (info->cursor - info->buffer));
    if (before)
        editor->options.complete(editor->options.data, before, &completion);
    _cleanup_free_ char *inserted = completion.inserted;
    _cleanup_free_ char *listing = completion.listing;
    if (inserted && *inserted && editor->lib.el_insertstr(line, inserted) == 0)
        result = CC_REFRESH;
    if (!listing)
        return result;
    show(editor, "\n", listing);
    return CC_REDISPLAY;
}

static unsigned char on_interrupt(EditLine *line, int key)
{
    struct sdme_line_editor *editor = editor_of(line);

    (void) key;
    if (!editor)
        return CC_FATAL;
    editor->interrupted = true;
    return CC_NEWLINE;
}

static unsigned char on_suspend(EditLine *line, int key)
{
    struct sdme_line_editor *editor = editor_of(line);

    (void) key;
    if (!editor)
        return CC_FATAL;
    editor->lib.el_set(line, EL_PREP_TERM, 0);
    kill(0, SIGTSTP);
    editor->lib.el_set(line, EL_PREP_TERM, 1);
    return CC_REDISPLAY;
}

static void take_resize(struct sdme_line_editor *editor)
{
    struct signalfd_siginfo info;

    if (read(editor->options.resize, &info, sizeof info) > 0)
        editor->lib.el_resize(editor->line);
}

/* Waits for a byte of the terminal: 1, 0 at its end, -1 and errno. */
static int read_byte(struct sdme_line_editor *editor, char *ret)
{
    struct pollfd entries[] = {
        {.fd = editor->options.input, .events = POLLIN},
        {.fd = editor->options.interrupt, .events = POLLIN},
        {.fd = editor->options.resize, .events = POLLIN},
    };

    for (;;) {
        if (poll(entries, ELEMENTS(entries), -1) < 0 && errno != EINTR)
            return -1;
        if (entries[1].revents) {
            editor->interrupted = true;
            errno = EINTR;
            return -1;
        }
        if (entries[2].revents)
            take_resize(editor);
        if (!entries[0].revents)
            continue;
        ssize_t count = read(editor->options.input, ret, 1);
        if (count >= 0 || (errno != EINTR && errno != EAGAIN))
            return (int) count;
    }
}

/* EL_GETCFN: the next character. Bytes that are none are dropped. */
static int read_character(EditLine *line, wchar_t *ret)
{
    struct sdme_line_editor *editor = editor_of(line);
    mbstate_t state = {0};
    char byte;

    while (editor) {
        int code = read_byte(editor, &byte);
        if (code <= 0)
            return code;
        size_t length = mbrtowc(ret, &byte, 1, &state);
        if (length == 0 || length == 1)
            return 1;
        if (length == (size_t) -1)
            memset(&state, 0, sizeof state);
    }
    return -1;
}

/* What is typed is UTF-8 wherever the system knows that, whichever language was chosen. */
static locale_t open_locale(void)
{
    static const char *const candidates[] = {"", "C.UTF-8"};

    for (size_t i = 0; i < ELEMENTS(candidates); i++) {
        locale_t locale = newlocale(LC_CTYPE_MASK, candidates[i], (locale_t) 0);
        if (locale && !strcmp(nl_langinfo_l(CODESET, locale), "UTF-8"))
            return locale;
        if (locale)
            freelocale(locale);
    }
    return (locale_t) 0;
}

/* Only for this thread, and until it is put back. */
static locale_t enter_locale(const struct sdme_line_editor *editor)
{
    return editor->locale ? uselocale(editor->locale) : (locale_t) 0;
}

static void leave_locale(locale_t before)
{
    if (before)
        uselocale(before);
}

static int open_stream(int fd, const char *mode, FILE **ret, struct sdme_error *error)
{
    if (!isatty(fd))
        return sdme_fail(error, errno, "edit lines");
    _cleanup_close_ int copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);
    if (copy < 0)
        return sdme_fail(error, errno, "edit lines");
    FILE *stream = fdopen(copy, mode);
    if (!stream)
        return sdme_fail(error, errno, "edit lines");
    sdme_take_fd(&copy);
    *ret = stream;
    return 0;
}

static void set_keys(struct sdme_line_editor *editor)
{
    const struct libedit *lib = &editor->lib;
    EditLine *line = editor->line;

    lib->el_set(line, EL_EDITOR, "emacs");
    /* The narrow el_set() copies the names, and loses the copies. */
    lib->el_wset(line, EL_ADDFN, L"sdme-complete", L"Complete", on_complete);
    lib->el_wset(line, EL_ADDFN, L"sdme-interrupt", L"Drop the line", on_interrupt);
    lib->el_wset(line, EL_ADDFN, L"sdme-suspend", L"Stop the process", on_suspend);
    for (size_t i = 0; i < ELEMENTS(keys); i++)
        lib->el_set(line, EL_BIND, keys[i][0], keys[i][1], NULL);
    /* ~/.editrc; vi's table lacks what only we have. */
    if (lib->el_source(line, NULL) == 0)
        for (size_t i = 0; i < OWN_KEYS; i++)
            lib->el_set(line, EL_BIND, keys[i][0], keys[i][1], NULL);
    /* Keys, and no signals, for which the terminal would have to be put back first. */
    lib->el_set(line, EL_SETTY, "-d", "-isig", NULL);
}

static int set_up(struct sdme_line_editor *editor, struct sdme_error *error)
{
    const struct libedit *lib = &editor->lib;
    HistEvent event;

    editor->line =
        lib->el_init_fd(editor->options.program, editor->input, editor->output, editor->output,
                        editor->options.input, editor->options.output, editor->options.output);
    editor->history = lib->history_init();
    if (!editor->line || !editor->history)
        return sdme_fail(error, ENOMEM, "edit lines");
    lib->el_set(editor->line, EL_CLIENTDATA, editor);
    lib->el_set(editor->line, EL_PROMPT, show_prompt);
    lib->el_wset(editor->line, EL_GETCFN, read_character);
    lib->history(editor->history, &event, H_SETSIZE, INT_MAX);
    lib->el_set(editor->line, EL_HIST, lib->history, editor->history);
    set_keys(editor);
    return 0;
}

int sdme_line_editor_open(const struct sdme_line_editor_options *options,
                          struct sdme_line_editor **ret_editor, struct sdme_error *error)
{
    struct sdme_line_editor *editor = calloc(1, sizeof *editor);
    int code;

    if (!editor)
        return sdme_fail(error, ENOMEM, "edit lines");
    editor->options = *options;
    code = sdme_library_load(LIBRARY, names, &editor->lib, error);
    if (code == 0)
        code = open_stream(options->input, "r", &editor->input, error);
    if (code == 0)
        code = open_stream(options->output, "w", &editor->output, error);
    if (code == 0) {
        editor->locale = open_locale();
        locale_t before = enter_locale(editor);
        code = set_up(editor, error);
        leave_locale(before);
    }
    if (code < 0) {
        sdme_line_editor_close(editor);
        return code;
    }
    *ret_editor = editor;
    return 0;
}

static int read_line(struct sdme_line_editor *editor, char **ret_line, struct sdme_error *error)
{
    int count = 0;

    /* libedit would show the prompt first, and what is typed in between would be lost to it. */
    editor->lib.el_set(editor->line, EL_PREP_TERM, 1);
    const char *text = editor->lib.el_gets(editor->line, &count);
    int number = errno;
    if (editor->interrupted) {
        show(editor, "", "^C");
        return sdme_fail_as(error, EINTR, "interrupted");
    }
    if (!text)
        return count < 0 ? sdme_fail(error, number, "read the terminal") : 0;
    size_t length = strlen(text);
    if (length > 0 && text[length - 1] == '\n')
        length--;
    char *line = strndup(text, length);
    if (!line)
        return sdme_fail(error, ENOMEM, "read the terminal");
    *ret_line = line;
    return 1;
}

int sdme_line_editor_read(struct sdme_line_editor *editor, const char *prompt, char **ret_line,
                          struct sdme_error *error)
{
    _cleanup_free_ char *copy = strdup(prompt);

    if (!copy)
        return sdme_fail(error, ENOMEM, "read the terminal");
    editor->prompt = copy;
    editor->interrupted = false;
    locale_t before = enter_locale(editor);
    int code = read_line(editor, ret_line, error);
    leave_locale(before);
    editor->prompt = NULL;
    return code;
}

int sdme_line_editor_set_history(struct sdme_line_editor *editor, char *const *lines, size_t count,
                                 struct sdme_error *error)
{
    locale_t before = enter_locale(editor);
    HistEvent event;
    int code = editor->lib.history(editor->history, &event, H_CLEAR);

    for (size_t i = 0; i < count && code >= 0; i++)
        code = editor->lib.history(editor->history, &event, H_ENTER, lines[i]);
    leave_locale(before);
    return code < 0 ? sdme_fail(error, ENOMEM, "remember lines") : 0;
}

void sdme_line_editor_close(struct sdme_line_editor *editor)
{
    if (!editor)
        return;
    if (editor->line)
        editor->lib.el_end(editor->line);
    if (editor->history)
        editor->lib.history_end(editor->history);
    sdme_fclosep(&editor->input);
    sdme_fclosep(&editor->output);
    if (editor->locale)
        freelocale(editor->locale);
    free(editor);
}
