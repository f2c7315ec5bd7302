#!/usr/bin/env bash
# An installed tree serves a program that finds it by pkg-config or by CMake, shared or static, wherever it lies.
# Usage: install.sh BUILD_FOLDER    (environment: CC, CMAKE)
set -euo pipefail
build=$1
cc=${CC:-cc}
cmake=${CMAKE:-cmake}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cd "$scratch"

# Installed to a prefix below DESTDIR, then used from where DESTDIR put it: nothing may remember the prefix.
DESTDIR=$scratch/root "$cmake" --install "$build" --prefix /opt/mytosis >install.log
root=$scratch/root/opt/mytosis
PKG_CONFIG_PATH=$(dirname "$(find "$root" -name mytosis.pc)")
export PKG_CONFIG_PATH
libdir=$(pkg-config --variable=libdir mytosis)
files=(include/mytosis/bytes.h share/doc/mytosis/LICENSE share/man/man1/mytosis-write.1)
if [ -e "$build/reference/stamp" ]; then # there was Python
    files+=(share/man/man3/mytosis_db.3 share/man/man3/mt_write.3 share/doc/mytosis/reference/index.html)
fi
for file in "${files[@]}"; do
    [ -f "$root/$file" ] || { echo "$file is not installed"; exit 1; }
done

cat >hello.c <<'END'
#include <mytosis/bytes.h>
#include <stdio.h>

int main(void)
{
    return printf("%zu\n", mt_str("hello").len) < 0;
}
END

# A test of an engine, for which there is none here: the suite refuses that.
cat >conform.c <<'END'
#include <mytosis/conformance.h>
#include <stdio.h>

int main(void)
{
    mt_conformance_kv subject = {.size = sizeof subject};

    if (mt_conformance_kv_run(&subject, NULL) != MT_INVALID) return 1;
    return printf("%zu\n", mt_str("hello").len) < 0;
}
END

# A run of the simulator.
cat >simulate.c <<'END'
#include <mytosis/sim.h>
#include <stdio.h>

int main(void)
{
    mt_sim_options options = {.size = sizeof options, .without = MT_SIM_ALL};

    if (mt_sim_run(&options, NULL) != MT_OK) return 1;
    return printf("%zu\n", mt_str("hello").len) < 0;
}
END

# expect_hello NAME COMMAND...
expect_hello() {
    local name=$1 out
    shift
    out=$("$@")
    [ "$out" = 5 ] || { echo "$name: printed '$out'"; exit 1; }
    echo "$name: works"
}

# The flags are several words by nature.
# shellcheck disable=SC2046
"$cc" hello.c $(pkg-config --cflags --libs mytosis) -o by-pkg-config
expect_hello pkg-config env LD_LIBRARY_PATH="$libdir" ./by-pkg-config

# shellcheck disable=SC2046
"$cc" conform.c $(pkg-config --cflags --libs mytosis-conformance) -o conform-by-pkg-config
expect_hello "pkg-config, mytosis-conformance" env LD_LIBRARY_PATH="$libdir" ./conform-by-pkg-config

# shellcheck disable=SC2046
"$cc" simulate.c $(pkg-config --cflags --libs mytosis-sim) -o simulate-by-pkg-config
expect_hello "pkg-config, mytosis-sim" env LD_LIBRARY_PATH="$libdir" ./simulate-by-pkg-config

# C++, where there is a compiler for it.
if cxx=$(command -v c++); then
    cat >hello.cpp <<'END'
#include <mytosis/mytosis.hpp>
#include <iostream>

int main()
{
    auto db = mytosis::database::in_memory();

    std::cout << db.write(mytosis::row("hello").set("x", 1)).uid().size() << "\n";
}
END
    # shellcheck disable=SC2046
    "$cxx" -std=c++17 hello.cpp $(pkg-config --cflags --libs mytosis) -o cpp-by-pkg-config
    expect_hello "pkg-config, C++" env LD_LIBRARY_PATH="$libdir" ./cpp-by-pkg-config
fi

# The whole archive, so that whatever it needs must be in the flags.
# shellcheck disable=SC2046
"$cc" hello.c $(pkg-config --cflags mytosis) -Wl,--whole-archive "$libdir/libmytosis.a" -Wl,--no-whole-archive \
    $(pkg-config --static --libs mytosis | sed 's/-lmytosis//') -o by-archive
expect_hello "pkg-config --static" ./by-archive

cat >CMakeLists.txt <<'END'
cmake_minimum_required(VERSION 3.25)
project(hello C)
find_package(mytosis 0.1 REQUIRED)
foreach(kind mytosis static)
    add_executable(by-${kind} hello.c)
    target_link_libraries(by-${kind} PRIVATE mytosis::${kind})
endforeach()
add_executable(conform conform.c)
target_link_libraries(conform PRIVATE mytosis::conformance)
add_executable(simulate simulate.c)
target_link_libraries(simulate PRIVATE mytosis::sim)
END
"$cmake" -S . -B by-cmake -DCMAKE_C_COMPILER="$cc" -DCMAKE_PREFIX_PATH="$root" >cmake.log || { cat cmake.log; exit 1; }
"$cmake" --build by-cmake >cmake.log || { cat cmake.log; exit 1; }
expect_hello "find_package, mytosis::mytosis" by-cmake/by-mytosis
expect_hello "find_package, mytosis::static" by-cmake/by-static
expect_hello "find_package, mytosis::conformance" by-cmake/conform
expect_hello "find_package, mytosis::sim" by-cmake/simulate

if [ -x "$build/bin/mytosis" ]; then
    "$root/bin/mytosis" --version >version.txt
    grep -q "$(pkg-config --modversion mytosis)" version.txt || { echo "mytosis --version: $(cat version.txt)"; exit 1; }
    echo "the command: works"
fi
