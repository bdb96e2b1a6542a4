# Toolchain of the ATmega2560.
set(CMAKE_SYSTEM_NAME Generic)
set(CMAKE_SYSTEM_PROCESSOR avr)
set(CMAKE_C_COMPILER avr-gcc)
set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)
# With ivopts, avr-gcc takes some of what is in flash from RAM.
set(CMAKE_C_FLAGS_INIT "-mmcu=atmega2560 -DF_CPU=16000000UL -fno-ivopts -fno-common -ffunction-sections -fdata-sections")
