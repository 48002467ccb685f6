/* The kernel's price: one thread, epoll, one send() a member, and nothing that a chat needs besides.
 *
 * It speaks as much WebSocket, Engine.IO 4 and Socket.IO 5 as the load does: the load has one Sec-WebSocket-Key, masks
 * with zeros and names its fields in one order. Nothing is checked and nothing stored; no server of anything.
 * The one argument: seconds between heartbeats. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { LINES = 65536, ROOMS = 4096, NAME = 64, LARGEST = 1 << 20 };

/* `rest`: what came of a frame that is not whole yet. `out`: what the kernel would not take, to be sent first. */
struct line {
    char open, shaken;
    int room, seat;
    char *rest, *out;
    size_t rest_size, out_size;
};

struct room {
    char name[NAME];
    long seq;
    int count, most, *seats;
};

static struct line lines[LINES];
static struct room rooms[ROOMS];
static int room_count, highest, poll_fd;
static char heard[2 * LARGEST];

static const char SWITCHING[] = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                                "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

static void watch(int fd, int how, unsigned events) {
    struct epoll_event event = {.events = events, .data.fd = fd};
    epoll_ctl(poll_fd, how, fd, &event);
}

static void stand_up(int fd) {
    struct line *line = &lines[fd];
    if (line->room < 0) return;
    struct room *room = &rooms[line->room];
    int last = room->seats[--room->count];
    room->seats[line->seat] = last;
    lines[last].seat = line->seat;
    line->room = -1;
}

static void hang_up(int fd) {
    stand_up(fd);
    free(lines[fd].rest);
    free(lines[fd].out);
    memset(&lines[fd], 0, sizeof lines[fd]);
    close(fd);
}

/* Appends to what waits. */
static void keep(char **kept, size_t *kept_size, const char *data, size_t size) {
    *kept = realloc(*kept, *kept_size + size);
    memcpy(*kept + *kept_size, data, size);
    *kept_size += size;
}

static void tell(int fd, const char *data, size_t size) {
    struct line *line = &lines[fd];
    ssize_t sent = line->out_size ? 0 : send(fd, data, size, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0) sent = 0;
    if ((size_t)sent == size) return;
    if (!line->out_size) watch(fd, EPOLL_CTL_MOD, EPOLLIN | EPOLLOUT);
    keep(&line->out, &line->out_size, data + sent, size - sent);
}

static void tell_the_rest(int fd) {
    struct line *line = &lines[fd];
    ssize_t sent = send(fd, line->out, line->out_size, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent <= 0) return;
    line->out_size -= sent;
    memmove(line->out, line->out + sent, line->out_size);
    if (line->out_size) return;
    free(line->out);
    line->out = NULL;
    watch(fd, EPOLL_CTL_MOD, EPOLLIN);
}

/* A text frame into `frame`; its size. */
static size_t framed(char *frame, const char *text, size_t size) {
    size_t head = 2;
    frame[0] = (char)0x81;
    if (size < 126) {
        frame[1] = (char)size;
    } else {
        frame[1] = 126;
        frame[2] = (char)(size >> 8);
        frame[3] = (char)size;
        head = 4;
    }
    memcpy(frame + head, text, size);
    return head + size;
}

static void say(int fd, const char *text) {
    char frame[4096];
    tell(fd, frame, framed(frame, text, strlen(text)));
}

/* The string behind `"name":"` in a packet, as far as its quote; its size. */
static int field(const char *packet, size_t size, const char *name, const char **value) {
    const char *found = memmem(packet, size, name, strlen(name));
    if (!found) return 0;
    *value = found + strlen(name);
    const char *end = memchr(*value, '"', packet + size - *value);
    return end ? (int)(end - *value) : 0;
}

static int room_named(const char *name, int size) {
    for (int i = 0; i < room_count; i++)
        if (!strncmp(rooms[i].name, name, size) && !rooms[i].name[size]) return i;
    if (room_count == ROOMS || size >= NAME) exit(1);
    memcpy(rooms[room_count].name, name, size);
    return room_count++;
}

static void join(int fd, const char *packet, size_t size) {
    const char *name;
    int length = field(packet, size, "\"room\":\"", &name);
    stand_up(fd);
    lines[fd].room = room_named(name, length);
    struct room *room = &rooms[lines[fd].room];
    if (room->count == room->most) {
        room->most = room->most ? 2 * room->most : 16;
        room->seats = realloc(room->seats, room->most * sizeof *room->seats);
    }
    lines[fd].seat = room->count;
    room->seats[room->count++] = fd;
    say(fd, "430[{\"ok\":true}]");
}

static int now(char *at, size_t size) {
    struct timespec time;
    struct tm parts;
    clock_gettime(CLOCK_REALTIME, &time);
    size_t length = strftime(at, size, "%Y-%m-%dT%H:%M:%S", gmtime_r(&time.tv_sec, &parts));
    return (int)length + snprintf(at + length, size - length, ".%03ldZ", time.tv_nsec / 1000000);
}

/* One frame, the same bytes, with one send() to every member; then the ack. */
static void speak(int fd, const char *packet, size_t size, long number) {
    const char *text, *id;
    char at[40], message[3000], event[3500], frame[3600], ack[3500];
    if (lines[fd].room < 0 || size > 2000) return;
    struct room *room = &rooms[lines[fd].room];
    int text_size = field(packet, size, "\"text\":\"", &text), id_size = field(packet, size, "\"id\":\"", &id);
    room->seq++;
    now(at, sizeof at);
    snprintf(message, sizeof message,
             "{\"seq\":%ld,\"rev\":%ld,\"id\":\"%.*s\",\"author\":\"0123456789abcdef0123456789abcdef\","
             "\"nickname\":\"guest-abcdef\",\"text\":\"%.*s\",\"at\":\"%s\",\"kind\":\"said\"}",
             room->seq, room->seq, id_size, id, text_size, text, at);
    int length = snprintf(event, sizeof event, "42[\"message\",{\"room\":\"%s\",\"message\":%s}]", room->name, message);
    size_t frame_size = framed(frame, event, length);
    for (int i = 0; i < room->count; i++) tell(room->seats[i], frame, frame_size);
    snprintf(ack, sizeof ack, "43%ld[{\"ok\":true,\"message\":%s}]", number, message);
    say(fd, ack);
}

static void hear(int fd, const char *packet, size_t size) {
    char *end;
    if (size < 2 || packet[0] != '4') return;
    if (packet[1] == '0') say(fd, "40{\"sid\":\"0123456789abcdefghij\"}");
    if (packet[1] != '2') return;
    long number = strtol(packet + 2, &end, 10);
    if (!strncmp(end, "[\"join\"", 7)) join(fd, packet, size);
    if (!strncmp(end, "[\"send\"", 7)) speak(fd, packet, size, number);
}

/* The size of the frame at `data` with its head, and where its payload begins; 0 if it is not whole. */
static size_t frame_at(const char *data, size_t size, size_t *start) {
    if (size < 6) return 0;
    size_t length = data[1] & 0x7f;
    *start = 6;
    if (length == 126) {
        length = (unsigned char)data[2] << 8 | (unsigned char)data[3];
        *start = 8;
    }
    return size >= *start + length ? *start + length : 0;
}

static void shake(int fd, int ping) {
    char open[300];
    tell(fd, SWITCHING, sizeof SWITCHING - 1);
    snprintf(open, sizeof open,
             "0{\"sid\":\"0123456789abcdefghij\",\"upgrades\":[],\"pingInterval\":%d,\"pingTimeout\":%d,"
             "\"maxPayload\":1000000}", ping * 1000, ping * 1000);
    say(fd, open);
    lines[fd].shaken = 1;
}

static void listen_to(int fd, int ping) {
    struct line *line = &lines[fd];
    size_t size = line->rest_size, at = 0, start, whole;
    memcpy(heard, line->rest ? line->rest : "", size);
    ssize_t got = recv(fd, heard + size, LARGEST - size, MSG_DONTWAIT);
    if (got < 0 && errno == EAGAIN) return;
    if (got <= 0) {
        hang_up(fd);
        return;
    }
    size += got;
    free(line->rest);
    line->rest = NULL;
    line->rest_size = 0;
    if (!line->shaken) {
        char *end = memmem(heard, size, "\r\n\r\n", 4);
        if (end) {
            at = end + 4 - heard;
            shake(fd, ping);
        }
    }
    while (line->shaken && (whole = frame_at(heard + at, size - at, &start))) {
        hear(fd, heard + at + start, whole - start);
        at += whole;
    }
    if (at < size) keep(&line->rest, &line->rest_size, heard + at, size - at);
}

static void welcome(int door) {
    int fd, one = 1;
    while ((fd = accept4(door, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
        if (fd >= LINES) exit(1);
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        lines[fd] = (struct line){.open = 1, .room = -1};
        if (fd > highest) highest = fd;
        watch(fd, EPOLL_CTL_ADD, EPOLLIN);
    }
}

static double clock_now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec + time.tv_nsec / 1e9;
}

int main(int count, char **arguments) {
    static struct epoll_event events[1024];
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int ping = count > 1 ? atoi(arguments[1]) : 300, door = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (bind(door, (struct sockaddr *)&address, size) || listen(door, 4096)) return 1;
    getsockname(door, (struct sockaddr *)&address, &size);
    poll_fd = epoll_create1(0);
    watch(door, EPOLL_CTL_ADD, EPOLLIN);
    printf("serves http://127.0.0.1:%d .\n", ntohs(address.sin_port));
    fflush(stdout);
    double beat = clock_now() + ping;
    for (;;) {
        int ready = epoll_wait(poll_fd, events, 1024, 1000);
        for (int i = 0; i < ready; i++) {
            int fd = events[i].data.fd;
            if (fd == door) {
                welcome(door);
                continue;
            }
            if (events[i].events & EPOLLOUT) tell_the_rest(fd);
            if (events[i].events & ~EPOLLOUT) listen_to(fd, ping);
        }
        if (clock_now() < beat) continue;
        beat += ping;
        for (int fd = 0; fd <= highest; fd++)
            if (lines[fd].open && lines[fd].shaken) say(fd, "2");
    }
}
