/* Coming, going and misbehaving, and the books about it. */
#include "tests/server/crowd.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

void crowd_check(const struct crowd *crowd, bool ok, const char *what)
{
    if (ok) return;
    fprintf(stderr, "failed: %s\n", what);
    if (crowd->daemon > 0) kill(crowd->daemon, SIGKILL);
    exit(1);
}

static void sleep_ms(long ms)
{
    struct timespec t = {ms / 1000, ms % 1000 * 1000000};
    nanosleep(&t, NULL);
}

/* ---- The daemon -------------------------------------------------------------------- */

/* The one *.sock of the folder of the daemon's. */
static void find_socket(struct crowd *crowd)
{
    char path[48];
    snprintf(path, sizeof path, "%s/espalier", crowd->folder);
    DIR *dir = opendir(path);
    crowd_check(crowd, dir != NULL, "the daemon's folder");
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        size_t len = strlen(entry->d_name);
        if (len < 5 || strcmp(entry->d_name + len - 5, ".sock") != 0) continue;
        snprintf(crowd->socket, sizeof crowd->socket, "%s/%.40s", path, entry->d_name);
    }
    closedir(dir);
    crowd_check(crowd, crowd->socket[0], "the daemon's socket");
    snprintf(crowd->lock, sizeof crowd->lock, "%s.lock", crowd->socket);
    snprintf(crowd->log, sizeof crowd->log, "%s.log", crowd->socket);
    struct stat now;
    crowd_check(crowd, stat(crowd->socket, &now) == 0 && (now.st_mode & 0777) == 0600,
                "for the user alone");
    crowd_check(crowd, stat(path, &now) == 0 && (now.st_mode & 0777) == 0700,
                "and so is its folder");
}

pid_t crowd_daemon(const struct crowd *crowd)
{
    long pid = 0;
    FILE *file = fopen(crowd->lock, "r");
    if (file && fscanf(file, "%ld", &pid) != 1) pid = 0;
    if (file) fclose(file);
    return (pid_t)pid;
}

long crowd_number(const struct crowd *crowd, const char *name)
{
    char path[64], line[256];
    long value = 0;
    snprintf(path, sizeof path, "/proc/%ld/status", (long)crowd->daemon);
    FILE *file = fopen(path, "r");
    while (file && fgets(line, sizeof line, file))
        if (strncmp(line, name, strlen(name)) == 0) value = atol(line + strlen(name));
    if (file) fclose(file);
    return value;
}

static int connect_socket(const struct crowd *crowd)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    crowd_check(crowd, fd >= 0, "socket");
    fcntl(fd, F_SETFD, FD_CLOEXEC);
    snprintf(address.sun_path, sizeof address.sun_path, "%s", crowd->socket);
    crowd_check(crowd, connect(fd, (const struct sockaddr *)&address, sizeof address) == 0,
                "connect");
    return fd;
}

/* ---- Coming and going -------------------------------------------------------------- */

static void start_front(const struct crowd *crowd, struct client *client, const char *name)
{
    char *argv[] = {(char *)crowd->server, "serve", "--shared", "--idle", "2", NULL};
    client_start(client, name, argv);
}

void crowd_come(struct crowd *crowd, struct crowd_place *place, bool front)
{
    if (front) {
        start_front(crowd, &place->client, "a client by its streams");
    } else {
        memset(&place->client, 0, sizeof place->client);
        place->client.name = "a client on the socket";
        place->client.to = connect_socket(crowd);
        place->client.from = fcntl(place->client.to, F_DUPFD_CLOEXEC, 3);
    }
    storm_begin(&place->storm, &place->client, crowd->options);
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

void crowd_leave(struct crowd *crowd, struct crowd_place *place)
{
    storm_end(&place->storm);
    crowd_check(crowd, finish(&place->client) == 0, "the exit code of an orderly end");
    place->there = false;
    crowd->orderly++;
}

void crowd_vanish(struct crowd *crowd, struct crowd_place *place, unsigned how)
{
    struct client *client = &place->client;
    if (how == 0 && client->pid > 0) kill(client->pid, SIGKILL);
    static const char half[] = "Content-Length: 1000\r\n\r\n{\"half",
                      http[] = "GET / HTTP/1.1\r\n\r\n";
    if (how == 1) client_send_bytes(client, half, sizeof half - 1);
    if (how == 2) client_send_bytes(client, http, sizeof http - 1);
    bool front = client->pid > 0;
    int code = finish(client);
    crowd_check(crowd, !front || code != 0, "no exit code of an orderly end");
    place->there = false;
    crowd->abrupt++;
}

/* Somebody who is no client. */
void crowd_vandalise(struct crowd *crowd, uint64_t *state)
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
    int fd = connect_socket(crowd);
    if (which < 8) {
        send(fd, lines[which], strlen(lines[which]), MSG_NOSIGNAL);
    } else {
        char *long_line = malloc(100000);
        crowd_check(crowd, long_line != NULL, "memory");
        memset(long_line, 'e', 100000);
        send(fd, long_line, 100000, MSG_NOSIGNAL | MSG_DONTWAIT);
        free(long_line);
    }
    if (storm_below(state, 2)) sleep_ms(2);
    close(fd);
    crowd->vandals++;
}

void crowd_open(struct crowd *crowd, const char *server, const char *options)
{
    *crowd = (struct crowd){.server = server, .options = options};
    snprintf(crowd->folder, sizeof crowd->folder, "/tmp/espalier-shared-XXXXXX");
    crowd_check(crowd, mkdtemp(crowd->folder) != NULL, "a folder");
    static const char *const folders[] = {"XDG_RUNTIME_DIR", "XDG_STATE_HOME", "XDG_CACHE_HOME",
                                          "XDG_CONFIG_HOME"};
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++)
        setenv(folders[i], crowd->folder, 1);
    signal(SIGPIPE, SIG_IGN);
    crowd_come(crowd, &crowd->places[0], true);
    find_socket(crowd);
    crowd->daemon = crowd_daemon(crowd);
    crowd_check(crowd, crowd->daemon > 0 && crowd->daemon != crowd->places[0].client.pid,
                "the daemon is another process");
}

void crowd_check_gone(const struct crowd *crowd)
{
    for (int i = 0; i < 300 && access(crowd->socket, F_OK) == 0; i++)
        sleep_ms(100);
    crowd_check(crowd, access(crowd->socket, F_OK) != 0, "the daemon ends when it is idle");
    for (int i = 0; i < 100 && access(crowd->lock, F_OK) == 0; i++)
        sleep_ms(100);
    crowd_check(crowd, access(crowd->lock, F_OK) != 0, "and leaves no lock");
    char line[1024];
    FILE *log = fopen(crowd->log, "r");
    crowd_check(crowd, log != NULL, "its log");
    while (fgets(line, sizeof line, log))
        crowd_check(crowd, !strstr(line, "Sanitizer") && !strstr(line, "runtime error"), line);
    fclose(log);
}
