/* The whole of the firmware, for the main of a target. */
#ifndef FIRMWARE_H
#define FIRMWARE_H

void firmware_start(void); /* after the HAL is up; whatever memory held is forgotten */
void firmware_poll(void);  /* over and over, for ever */

#endif
