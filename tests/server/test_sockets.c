/* The server on sockets: who may connect, what is left behind, how it ends.
 *
 *   test_sockets SERVER FOLDER      FOLDER: a place for socket files */
#include "tests/server/client.h"

#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const char *server_path;

static void check(bool ok, const char *what)
{
    if (ok) return;
    fprintf(stderr, "failed: %s\n", what);
    exit(1);
}

/* Starts `serve ARGUMENTS` and returns the read end of its standard error. */
static FILE *spawn(pid_t *pid, const char *const *arguments)
{
    int pipes[2];
    const char *argv[8] = {server_path, "serve"};
    for (int i = 0; i < 5 && arguments[i]; i++)
        argv[2 + i] = arguments[i];
    check(pipe(pipes) == 0, "pipe");
    *pid = fork();
    check(*pid >= 0, "fork");
    if (*pid == 0) {
        dup2(pipes[1], 2);
        close(pipes[0]);
        close(pipes[1]);
        execv(server_path, (char *const *)argv);
        _exit(127);
    }
    close(pipes[1]);
    return fdopen(pipes[0], "r");
}

static int wait_for(pid_t pid)
{
    int status;
    waitpid(pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* The address in "espalier: listening on ADDRESS". */
static void read_address(FILE *err, char *out, size_t capacity)
{
    static const char words[] = "espalier: listening on ";
    char line[512];
    check(fgets(line, sizeof line, err) != NULL, "the server says where it listens");
    check(strncmp(line, words, sizeof words - 1) == 0, line);
    line[strcspn(line, "\n")] = 0;
    snprintf(out, capacity, "%s", line + sizeof words - 1);
}

static int connect_unix(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    if (connect(fd, (struct sockaddr *)&address, sizeof address) == 0) return fd;
    close(fd);
    return -1;
}

static int connect_tcp(const char *text)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    address.sin_port = htons((uint16_t)atoi(strrchr(text, ':') + 1));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (connect(fd, (struct sockaddr *)&address, sizeof address) == 0) return fd;
    close(fd);
    return -1;
}

/* A whole session over a connected socket; returns the exit code. */
static int session(int fd, pid_t pid)
{
    static struct client client;
    bool timed_out;
    memset(&client, 0, sizeof client);
    check(fd >= 0, "connect");
    client.name = "sockets";
    client.pid = pid;
    client.to = fd;
    client.from = dup(fd);
    client_send(&client, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"initialize\",\"params\":{"
                         "\"capabilities\":{\"textDocument\":{\"inlineCompletion\":{}}}}}");
    client_send(&client, "{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"shutdown\"}");
    client_send(&client, "{\"jsonrpc\":\"2.0\",\"method\":\"exit\"}");
    for (int i = 0; i < 2; i++) {
        char *body = client_receive(&client, 60000, &timed_out);
        check(body != NULL, "an answer");
        free(body);
    }
    check(client_unanswered(&client) == 0, "all answered");
    return client_finish(&client);
}

static void check_unix(const char *folder)
{
    char path[256], address[512];
    struct stat stat_now;
    pid_t pid;
    snprintf(path, sizeof path, "%s/s%d", folder, (int)getpid() % 1000);
    unlink(path);
    FILE *err = spawn(&pid, (const char *[]){"--socket", path, NULL});
    read_address(err, address, sizeof address);
    check(strcmp(address, path) == 0, "the address is the path");
    check(stat(path, &stat_now) == 0 && (stat_now.st_mode & 0777) == 0600, "for the user alone");

    /* Somebody listens there already: the second server says so and leaves it alone. */
    pid_t second;
    FILE *second_err = spawn(&second, (const char *[]){"--socket", path, NULL});
    check(wait_for(second) == 2, "an address in use is an error");
    fclose(second_err);

    check(session(connect_unix(path), pid) == 0, "a session on a Unix socket");
    fclose(err);
    check(stat(path, &stat_now) != 0, "the socket file is gone");

    /* A server that was killed leaves its file; the next one replaces it. */
    err = spawn(&pid, (const char *[]){"--socket", path, NULL});
    read_address(err, address, sizeof address);
    kill(pid, SIGKILL);
    wait_for(pid);
    fclose(err);
    check(stat(path, &stat_now) == 0, "a killed server leaves its file");
    err = spawn(&pid, (const char *[]){"--socket", path, NULL});
    read_address(err, address, sizeof address);
    check(session(connect_unix(path), pid) == 0, "a session after a stale socket");
    fclose(err);

    /* A file that is no socket is not touched. */
    FILE *file = fopen(path, "w");
    check(file != NULL, "a plain file");
    fclose(file);
    err = spawn(&pid, (const char *[]){"--socket", path, NULL});
    check(wait_for(pid) == 2, "a plain file in the way is an error");
    fclose(err);
    check(stat(path, &stat_now) == 0 && S_ISREG(stat_now.st_mode), "and stays");
    unlink(path);
}

static void check_tcp(void)
{
    char address[512];
    pid_t pid;
    FILE *err = spawn(&pid, (const char *[]){"--listen", "127.0.0.1:0", NULL});
    read_address(err, address, sizeof address);
    check(strncmp(address, "127.0.0.1:", 10) == 0 && atoi(address + 10) > 0, address);
    int fd = connect_tcp(address);
    /* One client is served: nobody else gets in. */
    struct timespec t = {0, 200000000};
    nanosleep(&t, NULL);
    check(connect_tcp(address) < 0, "a second client is refused");
    check(session(fd, pid) == 0, "a session over TCP");
    fclose(err);

    /* The client goes away without a word. */
    err = spawn(&pid, (const char *[]){"--listen", "localhost:0", NULL});
    read_address(err, address, sizeof address);
    close(connect_tcp(address));
    check(wait_for(pid) == 1, "a client that leaves ends the server with 1");
    fclose(err);
}

static void check_refused(void)
{
    static const char *const refused[][6] = {{"--listen", "0.0.0.0:0"},
                                             {"--listen", "[::]:0"},
                                             {"--listen", "192.0.2.1:0"},
                                             {"--listen", "example.org:80"},
                                             {"--listen", "127.0.0.1"},
                                             {"--listen", "127.0.0.1:"},
                                             {"--listen", "127.0.0.1:x"},
                                             {"--listen", "127.0.0.1:65536"},
                                             {"--listen", ":80"},
                                             {"--listen", ""},
                                             {"--socket", "/nowhere/at/all"},
                                             {"--socket", ""},
                                             {"--socket", "/nowhere/at/all", "--shared"},
                                             {"--listen", "192.0.2.1:0", "--shared"},
                                             {"--stdio", "--listen", "127.0.0.1:0"},
                                             {"--socket"},
                                             {"--no-such-option"}};
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        pid_t pid;
        char line[512], last[512] = "";
        FILE *err = spawn(&pid, refused[i]);
        while (fgets(line, sizeof line, err))
            snprintf(last, sizeof last, "%s", line);
        fclose(err);
        check(wait_for(pid) == 2, refused[i][1] ? refused[i][1] : refused[i][0]);
        check(strlen(last) > 10, "the last line says why");
    }
}

/* Sends SIGTERM; returns the exit code. ThreadSanitizer's runtime puts a signal off until the
 * thread that got it calls something it watches, which a thread about to wait for events does
 * not: only in such a build it is sent again. */
static int terminate(pid_t pid)
{
    kill(pid, SIGTERM);
#ifdef __SANITIZE_THREAD__
    siginfo_t ended = {0};
    for (int i = 0; i < 100 && ended.si_pid == 0; i++) {
        nanosleep(&(struct timespec){.tv_nsec = 100000000}, NULL);
        check(waitid(P_PID, (id_t)pid, &ended, WEXITED | WNOHANG | WNOWAIT) == 0, "waitid");
        if (ended.si_pid == 0 && i % 20 == 19) kill(pid, SIGTERM);
    }
#endif
    return wait_for(pid);
}

static void check_signal(void)
{
    char address[512];
    pid_t pid;
    FILE *err = spawn(&pid, (const char *[]){"--listen", "127.0.0.1:0", NULL});
    read_address(err, address, sizeof address);
    check(terminate(pid) == 1, "SIGTERM ends it in order");
    fclose(err);
}

int main(int argc, char **argv)
{
    check(argc == 3, "usage: test_sockets SERVER FOLDER");
    server_path = argv[1];
    signal(SIGPIPE, SIG_IGN);
    check_unix(argv[2]);
    check_tcp();
    check_refused();
    check_signal();
    return 0;
}
