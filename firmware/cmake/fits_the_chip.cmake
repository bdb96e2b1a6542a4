# What LIBRARY, the core built for the chip, may have: so much static memory, no heap, no floating point.
set(RAM 7168) # of 8192 bytes; the rest is for the HAL and the stack

# On AVR what is constant but not in flash stands in RAM, too.
execute_process(COMMAND avr-size -A ${LIBRARY} OUTPUT_VARIABLE sizes COMMAND_ERROR_IS_FATAL ANY)
string(REGEX MATCHALL "\n\\.(data|bss|rodata)[^ \n]* +[0-9]+" sections "${sizes}")
set(used 0)
foreach(section ${sections})
    string(REGEX MATCH "[0-9]+$" bytes "${section}")
    math(EXPR used "${used} + ${bytes}")
endforeach()
message("static memory: ${used} of ${RAM} bytes")
if(used EQUAL 0 OR used GREATER_EQUAL RAM)
    message(FATAL_ERROR "The core takes ${used} bytes of static memory; allowed: 1 to ${RAM} (src/sizes.h).")
endif()

execute_process(COMMAND avr-nm -u ${LIBRARY} OUTPUT_VARIABLE wanted COMMAND_ERROR_IS_FATAL ANY)
string(REGEX MATCHALL "U (malloc|calloc|realloc|free|__[a-z]+sf[23]|__(fix|float)[a-z]+)\n" banned "${wanted}")
if(banned)
    string(REGEX REPLACE "[U\n ]*;?U |\n" " " banned "${banned}")
    message(FATAL_ERROR "The core uses the heap or floating point: ${banned}")
endif()
