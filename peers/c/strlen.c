// Takes the length of what it received from strlen, with one child a connection: strlen PORT
#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int main(int argc, char **argv) {
    int listener = socket(AF_INET, SOCK_STREAM, 0), on = 1;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(atoi(argv[argc - 1]))};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    bind(listener, (struct sockaddr *)&address, sizeof address);
    listen(listener, 128);
    signal(SIGCHLD, SIG_IGN);
    for (;;) {
        int client = accept(listener, NULL, NULL);
        if (client < 0 || fork() > 0) {
            close(client);
            continue;
        }
        static char buffer[65537];
        for (ssize_t n; (n = read(client, buffer, 65536)) > 0;) {
            buffer[n] = 0;
            for (size_t sent = 0, all = strlen(buffer); sent < all;) {
                ssize_t m = write(client, buffer + sent, all - sent);
                if (m < 0) exit(1);
                sent += m;
            }
        }
        exit(0);
    }
}
