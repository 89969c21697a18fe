STATIC_cli := libevent_core libyaml
$(eval $(call program,cli,openshell,libevent_core libcjson openssl))
