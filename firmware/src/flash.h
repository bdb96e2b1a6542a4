/* Where constant data stands: in flash on AVR, whose RAM is small; elsewhere all memory is one. */
#ifndef FLASH_H
#define FLASH_H

#ifdef __AVR__
#define FLASH __flash
#else
#define FLASH
#endif

#endif
