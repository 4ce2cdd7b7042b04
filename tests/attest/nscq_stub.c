/* Stands in for libnvidia-nscq: the declarations of NVIDIA's nscq_attestation.h, two switches behind them.
   It answers as the library does: by calling back with values, not pointers, once for each device. */
#include <stdint.h>
#include <string.h>

typedef struct { uint8_t bytes[16]; } uuid_type;
typedef struct { char data[64]; } label_type;
typedef struct { uint32_t size; uint8_t content[0x2000]; } report_type;
typedef struct { uint8_t content[0x1400]; uint32_t size; } chain_type;
typedef struct { int8_t rc; void *session; } created_type;

static int open_sessions;
static uint8_t nonce[32];
static const char *names[] = {"SWX-0", "SWX-1"};

int stub_open_sessions(void) { return open_sessions; }

created_type nscq_session_create(uint32_t flags) {
    created_type made = {flags == 1 ? 1 : -128, &open_sessions}; /* 1: a warning, which is no failure */
    open_sessions++;
    return made;
}

void nscq_session_destroy(void *session) { (*(int *)session)--; }

int8_t nscq_session_set_input(void *session, uint32_t flags, void *input, uint32_t size) {
    if (session != &open_sessions || flags || size != sizeof nonce) return -5;
    memcpy(nonce, input, size);
    return 0;
}

int8_t nscq_uuid_to_label(const uuid_type *uuid, label_type *label, uint32_t flags) {
    (void)flags;
    strcpy(label->data, names[uuid->bytes[15]]);
    return 0;
}

static int8_t answer(const char *what, uuid_type *device, void (*called)(void), void *data) {
    uint8_t number = device->bytes[15];
    if (!strcmp(what, "pcie_mode")) {
        ((void (*)(uuid_type *, int8_t, int8_t, void *))called)(device, 0, number ? -1 : 3, data);
    } else if (!strcmp(what, "attestation_report")) {
        report_type report = {34, {'r', number}};
        memcpy(report.content + 2, nonce, sizeof nonce);
        ((void (*)(uuid_type *, int8_t, report_type, void *))called)(device, 0, report, data);
    } else if (!strcmp(what, "certificate")) {
        chain_type chain = {{'c', number}, 2};
        ((void (*)(uuid_type *, int8_t, chain_type, void *))called)(device, number ? -8 : 0, chain, data);
    } else {
        return -5;
    }
    return 0;
}

int8_t nscq_session_path_observe(void *session, const char *path, void (*called)(void), void *data, uint32_t flags) {
    uuid_type devices[2] = {{{0}}, {{0}}};
    devices[1].bytes[15] = 1;
    if (session != &open_sessions || flags) return -5;
    for (int number = 0; number < 2; number++) {
        if (!strcmp(path, "/drv/nvswitch/{device}/uuid")) {
            ((void (*)(uuid_type *, int8_t, uuid_type *, void *))called)(&devices[number], 0, &devices[number], data);
        } else if (!strncmp(path + 1, names[number], 5) && !strncmp(path + 6, "/config/", 8)) {
            return answer(path + 14, &devices[number], called, data);
        }
    }
    return path[1] == 'd' ? 0 : -2;
}
