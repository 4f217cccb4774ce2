%% A request as Cowboy has it, as a request of ours.
%% @hidden
-module(gwport_cowboy_request).

-export([new/4, offer/1, spoken/2, expects_continue/1]).

%% In the dictionary of a connection's process, or a request's: the ends of a connection, and what
%% they are in a Request.
-define(ENDS, '$gwport_ends').

%% Of a request, in Cowboy's map: its connection can be handed over.
-define(OFFERED, gwport_upgrade).

%% Marks a request that asks for another protocol. It is for who can see that its connection carries
%% no other request, since that goes with it.
-spec offer(cowboy_req:req()) -> cowboy_req:req().
offer(Req = #{version := 'HTTP/1.1', has_body := false,
        headers := #{<<"upgrade">> := _, <<"connection">> := Connection}}) ->
    case lists:member(<<"upgrade">>, gwport_response:options(Connection)) of
        true -> Req#{?OFFERED => true};
        false -> Req
    end;
offer(Req) ->
    Req.

%% A request in the version that its connection speaks. One of HTTP/1.1 that asks for h2c gets its
%% response over HTTP/2, and Cowboy does not say so in the request.
-spec spoken(cowboy_req:req(), gwport_cowboy_listener:listener()) -> cowboy_req:req().
spoken(Req = #{version := 'HTTP/1.1', headers := Headers = #{<<"upgrade">> := Upgrade,
        <<"connection">> := Connection, <<"http2-settings">> := _}}, #{upgrades := true}) ->
    Options = gwport_response:options(Connection),
    case [<<"upgrade">>, <<"http2-settings">>] -- Options =:= []
            andalso lists:member(<<"h2c">>, gwport_response:options(Upgrade)) of
        true -> Req#{version := 'HTTP/2', headers :=
            maps:without([<<"upgrade">>, <<"connection">>, <<"http2-settings">>], Headers)};
        false -> Req
    end;
spoken(Req, _) ->
    Req.

%% The Request of SPEC.md, section 6. Behind is how many segments of the path stand behind the
%% route.
-spec new(cowboy_req:req(), Behind :: non_neg_integer(), gwport_mount_options:mount(),
    gwport_cowboy_listener:listener()) -> gwport_environ:request().
new(Req, Behind, Mount = #{app := App, deadline := Deadline, underscores := Underscores},
        #{secure := Secure, files := Files}) ->
    #{method := Method, path := Path, qs := Query, version := Version, scheme := Scheme,
        host := Host, port := Port} = Req,
    {Peer, Local} = ends(Req),
    Request = #{
        <<"method">> => Method,
        <<"path">> => Path,
        <<"query">> => Query,
        <<"version">> => version(Version),
        <<"scheme">> => Scheme,
        <<"host">> => Host,
        <<"port">> => Port,
        <<"peer">> => Peer,
        <<"local">> => Local,
        <<"headers">> => gwport_field:kept(Underscores, maps:to_list(with_host(Req))),
        <<"path_info">> => Behind,
        <<"length">> => body_length(Req)
    },
    Cert = maps:get(cert, Req, undefined),
    forwarded(Mount, Req,
        with(App =/= <<>>, <<"app">>, App,
        with(Deadline =/= infinity, <<"timeout">>, Deadline,
        with(is_binary(Cert), <<"cert">>, Cert,
        with(expects_continue(Req), <<"continue">>, true,
        with(Secure, <<"tls">>, true,
        with(is_offered(Req), <<"upgrade">>, true,
        with(is_connect(Req), <<"protocol">>, maps:get(protocol, Req, none),
        with(Files andalso Version =:= 'HTTP/1.1', <<"file">>, true, if_known(Request)))))))))).

%% One that gets HTTP/2 for it is none of HTTP/1.1 any more.
is_offered(#{?OFFERED := true, version := 'HTTP/1.1'}) -> true;
is_offered(_) -> false.

%% An extended CONNECT (RFC 8441). One that says how long its body is wants no connection.
is_connect(#{protocol := _, has_body := true, body_length := undefined}) -> true;
is_connect(_) -> false.

if_known(Request = #{<<"length">> := undefined}) -> maps:remove(<<"length">>, Request);
if_known(Request) -> Request.

%% What is encrypted is this connection, whatever a proxy says of its own: `tls' and `cert' stay.
forwarded(#{trusted_proxies := []}, _, Request) ->
    Request;
forwarded(Mount, #{peer := Peer, headers := Headers}, Request) ->
    #{trusted_proxies := Proxies, trusted_fields := Fields} = Mount,
    case gwport_network:has(gwport_network:peer(Peer), Proxies) of
        true -> gwport_forwarded:believe(Fields, Headers, Proxies, Request);
        false -> Request
    end.

with(true, Key, Value, Request) -> Request#{Key => Value};
with(false, _, _, Request) -> Request.

%% HTTP/2 names the host beside the headers. (The port of a scheme that Cowboy does not know is not
%% there: a request that will be refused.) A `host` that stands among them all the same is not the
%% one that this request was routed by.
with_host(Req = #{version := 'HTTP/2', headers := Headers}) ->
    #{scheme := Scheme, host := Host, port := Port} = Req,
    Headers#{<<"host">> => authority(Scheme, Host, Port)};
with_host(#{headers := Headers}) ->
    Headers.

authority(<<"http">>, Host, 80) -> Host;
authority(<<"https">>, Host, 443) -> Host;
authority(_, Host, undefined) -> Host;
authority(_, Host, Port) -> <<Host/binary, ":", (integer_to_binary(Port))/binary>>.

version('HTTP/1.0') -> {1, 0};
version('HTTP/1.1') -> {1, 1};
version('HTTP/2') -> {2, 0}.

%% Of the connection, whose process keeps them from one request to the next.
ends(#{peer := Peer, sock := Local}) ->
    case get(?ENDS) of
        {Peer, Local, Ends} ->
            Ends;
        _ ->
            Ends = {address(Peer), address(Local)},
            _ = put(?ENDS, {Peer, Local, Ends}),
            Ends
    end.

address({Address, Port}) when is_tuple(Address) -> {list_to_binary(inet:ntoa(Address)), Port};
address({local, _}) -> {<<>>, 0};
address(_) -> {<<>>, 0}.

body_length(#{has_body := false}) -> 0;
body_length(#{body_length := Length}) -> Length.

%% Whether the client waits to be told to go on with its body.
-spec expects_continue(cowboy_req:req()) -> boolean().
expects_continue(#{version := 'HTTP/1.0'}) -> false;
expects_continue(#{has_body := false}) -> false;
expects_continue(#{headers := #{<<"expect">> := Expect}}) ->
    cowboy_bstr:to_lower(Expect) =:= <<"100-continue">>;
expects_continue(_) -> false.
