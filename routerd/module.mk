$(eval $(call program,routerd,routerd,libevent_core libevent_extra openssl libnghttp2))
