$(eval $(call program,cli,openshell,libevent_core libcjson))
