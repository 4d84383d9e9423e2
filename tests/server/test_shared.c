/* Several clients of one daemon: some whose process hands over its streams, some that connect to
 * the socket themselves. They come, storm, and leave in order, by a signal, in the middle of a
 * message or with rubbish, while others speak no protocol at all. Who stays notices nothing:
 * everything asked is answered once. In the end the daemon goes by itself and leaves nothing
 * behind.
 *
 *   test_shared SERVER MODEL MESSAGES [KILOBYTES]     with KILOBYTES, its memory may grow by no
 *                                                     more after the first quarter */
#include "tests/scratch/scratch.h"
#include "tests/server/storm.h"

#include <dirent.h>
#include <fcntl.h>
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

#define PLACES 4

/* One of those that come and go. */
struct place {
    struct client client;
    struct storm storm;
    bool there;
};

static struct place places[PLACES];
static const char *server_path;
static char folder[32], socket_path[100], lock_path[108], log_path[108], options[512];
static pid_t daemon_pid;
static unsigned orderly, abrupt, vandals;

static void check(bool ok, const char *what)
{
    if (ok) return;
    fprintf(stderr, "failed: %s\n", what);
    if (daemon_pid > 0) kill(daemon_pid, SIGKILL);
    exit(1);
}

static void sleep_ms(long ms)
{
    struct timespec t = {ms / 1000, ms % 1000 * 1000000};
    nanosleep(&t, NULL);
}

/* ---- The daemon -------------------------------------------------------------------- */

/* The one *.sock of the folder of the daemon's. */
static void find_socket(void)
{
    char path[48];
    snprintf(path, sizeof path, "%s/espalier", folder);
    DIR *dir = opendir(path);
    check(dir != NULL, "the daemon's folder");
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        size_t len = strlen(entry->d_name);
        if (len < 5 || strcmp(entry->d_name + len - 5, ".sock") != 0) continue;
        snprintf(socket_path, sizeof socket_path, "%s/%.40s", path, entry->d_name);
    }
    closedir(dir);
    check(socket_path[0], "the daemon's socket");
    snprintf(lock_path, sizeof lock_path, "%s.lock", socket_path);
    snprintf(log_path, sizeof log_path, "%s.log", socket_path);
    struct stat now;
    check(stat(socket_path, &now) == 0 && (now.st_mode & 0777) == 0600, "for the user alone");
    check(stat(path, &now) == 0 && (now.st_mode & 0777) == 0700, "and so is its folder");
}

static pid_t read_pid(void)
{
    long pid = 0;
    FILE *file = fopen(lock_path, "r");
    if (file && fscanf(file, "%ld", &pid) != 1) pid = 0;
    if (file) fclose(file);
    return (pid_t)pid;
}

static long resident_kilobytes(void)
{
    char path[64], line[256];
    long kilobytes = 0;
    snprintf(path, sizeof path, "/proc/%ld/status", (long)daemon_pid);
    FILE *file = fopen(path, "r");
    while (file && fgets(line, sizeof line, file))
        if (sscanf(line, "VmRSS: %ld", &kilobytes) == 1) break;
    if (file) fclose(file);
    return kilobytes;
}

static int connect_socket(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    check(fd >= 0, "socket");
    fcntl(fd, F_SETFD, FD_CLOEXEC);
    snprintf(address.sun_path, sizeof address.sun_path, "%s", socket_path);
    check(connect(fd, (const struct sockaddr *)&address, sizeof address) == 0, "connect");
    return fd;
}

/* ---- Coming and going -------------------------------------------------------------- */

static void start_front(struct client *client, const char *name)
{
    char *argv[] = {(char *)server_path, "serve", "--shared", "--idle", "2", NULL};
    client_start(client, name, argv);
}

static void come(struct place *place, bool front)
{
    if (front) {
        start_front(&place->client, "a client by its streams");
    } else {
        memset(&place->client, 0, sizeof place->client);
        place->client.name = "a client on the socket";
        place->client.to = connect_socket();
        place->client.from = fcntl(place->client.to, F_DUPFD_CLOEXEC, 3);
    }
    storm_begin(&place->storm, &place->client, options);
    place->there = true;
}

/* The end of a client that speaks no more; the exit code of its process, if it has one. */
static int finish(struct client *client)
{
    if (client->pid > 0) return client_finish(client);
    close(client->to);
    close(client->from);
    for (size_t i = 0; i < client->n_ids; i++)
        free(client->ids[i].id);
    free(client->inbox);
    return 0;
}

static void leave(struct place *place)
{
    storm_end(&place->storm);
    check(finish(&place->client) == 0, "the exit code of an orderly end");
    place->there = false;
    orderly++;
}

static void vanish(struct place *place, unsigned how)
{
    struct client *client = &place->client;
    if (how == 0 && client->pid > 0) kill(client->pid, SIGKILL);
    static const char half[] = "Content-Length: 1000\r\n\r\n{\"half",
                      http[] = "GET / HTTP/1.1\r\n\r\n";
    if (how == 1) client_send_bytes(client, half, sizeof half - 1);
    if (how == 2) client_send_bytes(client, http, sizeof http - 1);
    bool front = client->pid > 0;
    int code = finish(client);
    check(!front || code != 0, "no exit code of an orderly end");
    place->there = false;
    abrupt++;
}

/* Somebody who is no client. */
static void vandalise(uint64_t *state)
{
    static const char *const lines[] = {
        "espalier-attach {}\n",
        "espalier-attach {\"threads\": \"many\"}\n",
        "espalier-attach [\n",
        "expalier\n",
        "e",
        "\x16\x03\x01\x02",
        "Content-Length: 99999999999999999999\r\n\r\n",
        "",
    };
    unsigned which = storm_below(state, 9);
    int fd = connect_socket();
    if (which < 8) {
        send(fd, lines[which], strlen(lines[which]), MSG_NOSIGNAL);
    } else {
        char *long_line = malloc(100000);
        check(long_line != NULL, "memory");
        memset(long_line, 'e', 100000);
        send(fd, long_line, 100000, MSG_NOSIGNAL | MSG_DONTWAIT);
        free(long_line);
    }
    if (storm_below(state, 2)) sleep_ms(2);
    close(fd);
    vandals++;
}

static void step(uint64_t *state)
{
    struct place *place = &places[storm_below(state, PLACES)];
    if (!place->there) {
        come(place, storm_below(state, 2));
    } else if (place->client.n_ids > CLIENT_MAX_IDS - 64 || storm_below(state, 600) == 0) {
        leave(place);
    } else if (storm_below(state, 900) == 0) {
        vanish(place, storm_below(state, 3));
    } else if (storm_below(state, 300) == 0) {
        vandalise(state);
    } else {
        storm_send(&place->storm, state);
        if (storm_below(state, 10) == 0) storm_drain(&place->storm, (int)storm_below(state, 8));
    }
}

/* ---- The whole --------------------------------------------------------------------- */

static void check_second_daemon(void)
{
    char *argv[] = {(char *)server_path, "serve", "--shared", "--socket", socket_path, NULL};
    static struct client second;
    client_start(&second, "a second daemon", argv);
    check(client_finish(&second) == 2, "a second daemon at the same place is refused");
}

static void check_gone(void)
{
    for (int i = 0; i < 300 && access(socket_path, F_OK) == 0; i++)
        sleep_ms(100);
    check(access(socket_path, F_OK) != 0, "the daemon ends when it is idle");
    for (int i = 0; i < 100 && access(lock_path, F_OK) == 0; i++)
        sleep_ms(100);
    check(access(lock_path, F_OK) != 0, "and leaves no lock");
    char line[1024];
    FILE *log = fopen(log_path, "r");
    check(log != NULL, "its log");
    while (fgets(line, sizeof line, log))
        check(!strstr(line, "Sanitizer") && !strstr(line, "runtime error"), line);
    fclose(log);
}

/* One more daemon, which is killed under its client. */
static void check_killed(void)
{
    static struct place place;
    come(&place, true);
    daemon_pid = read_pid();
    check(daemon_pid > 0 && kill(daemon_pid, SIGKILL) == 0, "kill the daemon");
    check(client_finish(&place.client) == 2, "a client whose daemon died says so");
    /* What it left is no obstacle. */
    come(&place, true);
    leave(&place);
    daemon_pid = read_pid();
    kill(daemon_pid, SIGTERM);
    check_gone();
}

int main(int argc, char **argv)
{
    uint64_t state = 11;
    if (argc < 4) return 2;
    server_path = argv[1];
    unsigned messages = (unsigned)atoi(argv[3]);
    long allowed = argc > 4 ? atol(argv[4]) : 0, before = 0;
    snprintf(options, sizeof options, "{\"model\":\"%s\",\"cache\":{\"onDisk\":false}}", argv[2]);
    snprintf(folder, sizeof folder, "/tmp/espalier-shared-XXXXXX");
    check(mkdtemp(folder) != NULL, "a folder");
    setenv("XDG_RUNTIME_DIR", folder, 1);
    signal(SIGPIPE, SIG_IGN);

    come(&places[0], true);
    find_socket();
    daemon_pid = read_pid();
    check(daemon_pid > 0 && daemon_pid != places[0].client.pid, "the daemon is another process");
    check_second_daemon();
    for (unsigned i = 0; i < messages; i++) {
        step(&state);
        if (i == messages / 4) before = resident_kilobytes();
    }
    check(kill(daemon_pid, 0) == 0 && read_pid() == daemon_pid, "it is still the same daemon");
    long after = resident_kilobytes();
    for (int i = 0; i < PLACES; i++)
        if (places[i].there) leave(&places[i]);
    check_gone();
    printf("%u messages, %u sessions ended in order, %u not, %u vandals; %ld kB, then %ld kB\n",
           messages, orderly, abrupt, vandals, before, after);
    check(allowed == 0 || after - before <= allowed, "its memory stays as it is");
    check_killed();
    scratch_remove(folder);
    return 0;
}
