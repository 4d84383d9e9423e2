/* A server with an open document and nothing to do sleeps, and so does a daemon with four clients;
 * both notice when a client's process ends.
 *
 *   test_idle SERVER MODEL
 *
 * What is counted is how often the threads that serve were woken, over some seconds without a
 * message: a timer or a poll would show. */
#define _GNU_SOURCE /* kill */
#include "tests/scratch/scratch.h"
#include "tests/server/client.h"

#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { CLIENTS = 4, QUIET_S = 5, TRIES = 6, SOON_MS = 60000 };

static void sleep_ms(long ms)
{
    nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000}, NULL);
}

/* A process that waits, as an editor does. */
static pid_t start_editor(void)
{
    pid_t pid = fork();
    if (pid == 0) {
        pause();
        _exit(0);
    }
    return pid;
}

static void open_session(struct client *client, const char *name, char **argv, pid_t editor)
{
    char params[256];
    client_start(client, name, argv);
    snprintf(params, sizeof params, "{\"processId\":%ld,\"capabilities\":{}}", (long)editor);
    cJSON_Delete(client_ask(client, 1, "initialize", params));
    client_send(client, "{\"jsonrpc\":\"2.0\",\"method\":\"initialized\",\"params\":{}}");
    client_send(client, "{\"jsonrpc\":\"2.0\",\"method\":\"textDocument/didOpen\",\"params\":"
                        "{\"textDocument\":{\"uri\":\"file:///w/a.py\",\"languageId\":\"python\","
                        "\"version\":1,\"text\":\"def f(x):\\n    return x\\n\"}}}");
    cJSON_Delete(
        client_ask(client, 2, "textDocument/inlineCompletion",
                   "{\"textDocument\":{\"uri\":\"file:///w/a.py\"},\"position\":{\"line\":1,"
                   "\"character\":10},\"context\":{\"triggerKind\":2}}"));
}

/* How often the process's threads have gone to sleep. */
static long sleeps_of(pid_t pid)
{
    char path[320], line[256];
    long all = 0;
    snprintf(path, sizeof path, "/proc/%ld/task", (long)pid);
    DIR *dir = opendir(path);
    for (struct dirent *entry; dir && (entry = readdir(dir)) != NULL;) {
        if (entry->d_name[0] == '.') continue;
        snprintf(path, sizeof path, "/proc/%ld/task/%.20s/status", (long)pid, entry->d_name);
        FILE *file = fopen(path, "r");
        while (file && fgets(line, sizeof line, file))
            if (strncmp(line, "voluntary_ctxt_switches:", 24) == 0) all += atol(line + 24);
        if (file) fclose(file);
    }
    if (dir) closedir(dir);
    return all;
}

/* It may have something left to do at first; then it has to be still. */
static void expect_sleep(const struct client *client, pid_t pid)
{
    long before = 0, woken = 0;
    for (int i = 0; i < TRIES; i++) {
        before = sleeps_of(pid);
        sleep_ms(QUIET_S * 1000);
        woken = sleeps_of(pid) - before;
        if (before > 0 && woken == 0) return;
    }
    if (before == 0) client_fail(client, "nothing is known of process %ld", (long)pid);
    client_fail(client, "woken %ld times in %d s with nothing to do", woken, QUIET_S);
}

static void expect_end(struct client *client, pid_t editor)
{
    bool timed_out;
    kill(editor, SIGKILL);
    waitpid(editor, NULL, 0);
    char *body;
    while ((body = client_receive(client, SOON_MS, &timed_out)) != NULL)
        free(body);
    if (timed_out) client_fail(client, "the server outlived its client's process");
    int code = client_finish(client);
    if (code != 1) client_fail(client, "exit code %d, expected 1", code);
}

/* The process whose name for the socket's folder is in its environment, other than the clients'. */
static pid_t find_daemon(const char *folder, const struct client *clients)
{
    static char text[65536];
    char path[320], wanted[128];
    pid_t found = 0;
    snprintf(wanted, sizeof wanted, "XDG_RUNTIME_DIR=%s", folder);
    DIR *dir = opendir("/proc");
    for (struct dirent *entry; dir && (entry = readdir(dir)) != NULL;) {
        pid_t pid = (pid_t)atol(entry->d_name);
        bool other = pid <= 0 || pid == getpid();
        for (int i = 0; i < CLIENTS; i++)
            other |= pid == clients[i].pid;
        if (other) continue;
        snprintf(path, sizeof path, "/proc/%ld/environ", (long)pid);
        FILE *file = fopen(path, "r");
        size_t n = file ? fread(text, 1, sizeof text - 1, file) : 0;
        if (file) fclose(file);
        text[n] = 0;
        for (size_t at = 0; at < n; at += strlen(text + at) + 1)
            if (strcmp(text + at, wanted) == 0) found = pid;
    }
    if (dir) closedir(dir);
    return found;
}

static void alone(char *program, char *model)
{
    static struct client client;
    char *argv[] = {program, "serve", "--model", model, NULL};
    pid_t editor = start_editor();
    open_session(&client, "alone", argv, editor);
    expect_sleep(&client, client.pid);
    expect_end(&client, editor);
}

static void together(char *program, char *model)
{
    static struct client clients[CLIENTS];
    char *argv[] = {program, "serve", "--shared", "--idle", "1", "--model", model, NULL};
    char folder[] = "/tmp/espalier-idle-XXXXXX";
    pid_t editors[CLIENTS];
    if (!mkdtemp(folder)) exit(2);
    setenv("XDG_RUNTIME_DIR", folder, 1);
    for (int i = 0; i < CLIENTS; i++)
        editors[i] = start_editor();
    for (int i = 0; i < CLIENTS; i++)
        open_session(&clients[i], "together", argv, editors[i]);
    pid_t daemon = find_daemon(folder, clients);
    if (daemon == 0) client_fail(&clients[0], "there is no daemon");
    expect_sleep(&clients[0], daemon);
    for (int i = 0; i < CLIENTS; i++)
        expect_end(&clients[i], editors[i]);
    for (int i = 0; i < 600 && kill(daemon, 0) == 0; i++)
        sleep_ms(100);
    scratch_remove(folder);
}

int main(int argc, char **argv)
{
    if (argc < 3) {
        fprintf(stderr, "usage: test_idle SERVER MODEL\n");
        return 2;
    }
    alone(argv[1], argv[2]);
    together(argv[1], argv[2]);
    printf("ok\n");
    return 0;
}
