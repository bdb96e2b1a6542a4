/* Bytes from the host: lines, blocks inside them, and the link check (docs/scpi.md). */
#ifndef LINK_H
#define LINK_H

#include <stdbool.h>

void link_power_on(void);
void link_receive(char c);
void link_hang_up(void); /* the next host begins anew */
bool link_check(void);
void link_set_check(bool on);

#endif
