null.o: /dev/null proxyd/dns_message.h common/error.h
proxyd/dns_message.h:
common/error.h:
