null.o: /dev/null common/wire/limits.h
common/wire/limits.h:
