# Flags, for this folder and those below it only: a parent project does not see them.
#
# Sets `core_flags` and `host_flags` for the two kinds of library code, `trust_flags` for what the layer of that name has
# besides, and `shared_link_flags`.

include(CheckCCompilerFlag)
include(CheckCSourceCompiles)
include(CheckLinkerFlag)
include(CheckPIESupported)
check_pie_supported(LANGUAGES C)

if(NOT DEFINED CMAKE_C_STANDARD)
    set(CMAKE_C_STANDARD 11)
endif()
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS OFF)
set(CMAKE_C_VISIBILITY_PRESET hidden)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)

add_compile_options(-Wall -Wextra -Wpedantic -Wconversion -Wshadow)
if(MYTOSIS_WERROR)
    add_compile_options(-Werror)
endif()

# Doubles must come out the same on every machine: no fused multiply-add.
add_compile_options(-ffp-contract=off)

# Adds a flag if the compiler knows it.
function(mytosis_flag_if_known flag)
    string(MAKE_C_IDENTIFIER "MYTOSIS_HAS${flag}" known)
    check_c_compiler_flag(${flag} ${known})
    if(${known})
        add_compile_options(${flag})
    endif()
endfunction()

# The library's calls to itself go straight to their target and may be inlined.
mytosis_flag_if_known(-fno-semantic-interposition)
set(shared_link_flags -Wl,-Bsymbolic-functions)

set(version_script "-Wl,--version-script=${PROJECT_SOURCE_DIR}/cmake/libmytosis.map")
check_linker_flag(C ${version_script} MYTOSIS_HAS_VERSION_SCRIPT)
if(MYTOSIS_HAS_VERSION_SCRIPT)
    list(APPEND shared_link_flags ${version_script})
endif()

# The core is given no feature macros, and none of the string functions that only some C libraries have:
# fortified ones, and the bcmp that clang makes of memcmp.
set(core_flags -U_FORTIFY_SOURCE -fno-builtin-bcmp)
set(host_flags -D_DEFAULT_SOURCE=)

if(MYTOSIS_SANITIZE)
    add_compile_options(-fsanitize=${MYTOSIS_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
    add_link_options(-fsanitize=${MYTOSIS_SANITIZE})
else()
    # What the OpenSSF advises for compilers of C, as far as they know it; tests/build/hardened.sh looks at what came of it.
    mytosis_flag_if_known(-fstack-protector-strong)
    mytosis_flag_if_known(-fstack-clash-protection)
    mytosis_flag_if_known(-fcf-protection)
    mytosis_flag_if_known(-fno-strict-overflow)
    mytosis_flag_if_known(-fno-delete-null-pointer-checks)

    # Not of all the core: its merges have plans and rooms of some KiB on the stack that are never filled, and a commit
    # would take a tenth longer.
    check_c_compiler_flag(-ftrivial-auto-var-init=zero MYTOSIS_HAS_AUTO_VAR_INIT)
    if(MYTOSIS_HAS_AUTO_VAR_INIT)
        list(APPEND host_flags -ftrivial-auto-var-init=zero)
        set(trust_flags -ftrivial-auto-var-init=zero)
    endif()

    # Where the C library has no more than 2, 3 would be a warning, or nothing.
    set(CMAKE_REQUIRED_FLAGS "-O2 -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3 -Werror")
    check_c_source_compiles("
        #include <string.h>
        #if !defined __USE_FORTIFY_LEVEL || __USE_FORTIFY_LEVEL < 3
        #error less
        #endif
        int main(void) { return 0; }" MYTOSIS_HAS_FORTIFY_3)
    unset(CMAKE_REQUIRED_FLAGS)
    set(fortify 2)
    if(MYTOSIS_HAS_FORTIFY_3)
        set(fortify 3)
    endif()
    set(optimized $<CONFIG:Release,RelWithDebInfo,MinSizeRel>)
    list(APPEND host_flags $<${optimized}:-U_FORTIFY_SOURCE> $<${optimized}:-D_FORTIFY_SOURCE=${fortify}>)

    check_linker_flag(C "-Wl,-z,relro,-z,now,-z,noexecstack" MYTOSIS_HAS_HARDENED_LINKS)
    if(MYTOSIS_HAS_HARDENED_LINKS)
        add_link_options(-Wl,-z,relro,-z,now,-z,noexecstack)
        list(APPEND shared_link_flags -Wl,-z,defs)
    endif()
endif()

if(MYTOSIS_BUILD_FUZZ)
    if(NOT CMAKE_C_COMPILER_ID MATCHES Clang)
        message(FATAL_ERROR "MYTOSIS_BUILD_FUZZ needs clang: cmake --preset fuzz")
    endif()
    add_compile_options(-fsanitize=fuzzer-no-link)
endif()
