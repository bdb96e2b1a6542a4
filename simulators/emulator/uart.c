/* The chip's USART 0 and the host. */
#include <stddef.h>

#include <simavr/avr_uart.h>

#include "emulator.h"
#include "hal.h"
#include "native.h"

enum { UCSR0B = 0xC1, RXEN0 = 1 << 4 };

static avr_irq_t *in;
static bool full, used;

static void sent(avr_irq_t *irq, uint32_t byte, void *unused) {
    (void)irq, (void)unused;
    char c = (char)byte;
    hal_write(&c, 1);
}

static void is_full(avr_irq_t *irq, uint32_t yes, void *unused) {
    (void)irq, (void)unused;
    full = yes;
}

/* simavr does not always say when there is room again; where the chip rests, there is. */
bool uart_feed(void) {
    int c = -1;
    bool fed = false;
    full = false;
    while (avr->data[UCSR0B] & RXEN0 && !full && (c = hal_getc()) >= 0) {
        avr_raise_irq(in, (uint32_t)c);
        fed = used = true;
    }
    return fed;
}

bool uart_used(void) { return used; }

void uart_start(void) {
    uint32_t none = 0;
    avr_ioctl(avr, AVR_IOCTL_UART_SET_FLAGS('0'), &none);
    in = avr_io_getirq(avr, AVR_IOCTL_UART_GETIRQ('0'), UART_IRQ_INPUT);
    avr_irq_register_notify(avr_io_getirq(avr, AVR_IOCTL_UART_GETIRQ('0'), UART_IRQ_OUTPUT), sent, NULL);
    avr_irq_register_notify(avr_io_getirq(avr, AVR_IOCTL_UART_GETIRQ('0'), UART_IRQ_OUT_XOFF), is_full, NULL);
}

void uart_reset(void) { full = used = false; }
