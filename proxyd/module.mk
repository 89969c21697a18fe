$(eval $(call program,proxyd,proxyd,libevent_core libevent_extra openssl))
