%% A request as Plug has it, as a request of ours.
%% @hidden
-module(gwport_plug_request).

-export([new/2]).

%% The Request of SPEC.md, section 6, and what its body is read by. A conn comes back: to learn
%% whether there is a body at all, some of it may have to be read.
-spec new(gwport_plug_conn:conn(), gwport_mount_options:mount()) ->
    {gwport_environ:request(), gwport_plug_input:input(), gwport_plug_conn:conn()}.
new(Conn0, Mount = #{app := App, deadline := Deadline, underscores := Underscores}) ->
    #{method := Method, request_path := Path, query_string := Query, scheme := Scheme,
        host := Host, port := Port, script_name := ScriptName} = Conn0,
    Version = gwport_plug_conn:protocol(Conn0),
    {Address, _, Cert} = gwport_plug_conn:peer(Conn0),
    Headers = headers(Conn0),
    {Length, Input, Conn} = body(Headers, Conn0),
    Request = #{
        <<"method">> => Method,
        <<"path">> => Path,
        <<"query">> => Query,
        <<"version">> => Version,
        <<"scheme">> => atom_to_binary(Scheme),
        <<"host">> => gwport_field:lower(Host),
        <<"port">> => Port,
        <<"peer">> => peer(Mount, Conn),
        <<"local">> => address(gwport_plug_conn:local(Conn)),
        <<"headers">> => gwport_field:kept(Underscores, maps:to_list(Headers)),
        <<"path_info">> => behind(Path, length(ScriptName))
    },
    Continues = Length =/= 0 andalso Version =/= {1, 0} andalso expects_continue(Headers),
    IsEncrypted = gwport_plug_conn:is_encrypted(Conn),
    {forwarded(Mount, Headers, Address,
        with(App =/= <<>>, <<"app">>, App,
        with(Deadline =/= infinity, <<"timeout">>, Deadline,
        with(is_binary(Cert), <<"cert">>, Cert,
        with(Continues, <<"continue">>, true,
        with(IsEncrypted, <<"tls">>, true,
        %% A plug in front has it from a proxy that is believed.
        with(IsEncrypted =/= (Scheme =:= https), <<"proxied">>, true,
        with(is_integer(Length), <<"length">>, Length, Request)))))))), Input, Conn}.

with(true, Key, Value, Request) -> Request#{Key => Value};
with(false, _, _, Request) -> Request.

expects_continue(#{<<"expect">> := Expect}) -> gwport_field:lower(Expect) =:= <<"100-continue">>;
expects_continue(_) -> false.

%% One of a name. How the body is framed is between the client and its server.
headers(Conn = #{req_headers := Headers}) ->
    host(lists:foldl(fun add/2, #{}, Headers), Conn).

add({<<"transfer-encoding">>, _}, Fields) ->
    Fields;
add({Name, Value}, Fields) ->
    case Fields of
        #{Name := Before} -> Fields#{Name := <<Before/binary, (glue(Name))/binary, Value/binary>>};
        #{} -> Fields#{Name => Value}
    end.

glue(<<"cookie">>) -> <<"; ">>;
glue(_) -> <<", ">>.

%% HTTP/2 has none, and a plug in front may have set another one, as Plug.RewriteOn does.
host(Headers, #{scheme := Scheme, host := Host0, port := Port}) ->
    Host = gwport_field:lower(Host0),
    WithPort = <<Host/binary, ":", (integer_to_binary(Port))/binary>>,
    case gwport_field:lower(maps:get(<<"host">>, Headers, <<>>)) of
        Given when Given =:= Host; Given =:= WithPort -> Headers;
        _ -> Headers#{<<"host">> => authority(Scheme, Port, Host, WithPort)}
    end.

authority(http, 80, Host, _) -> Host;
authority(https, 443, Host, _) -> Host;
authority(_, _, <<>>, _) -> <<>>;
authority(_, _, _, WithPort) -> WithPort.

%% A length that is none, or two of them, is left for the request to be refused.
body(#{<<"content-length">> := Value}, Conn) ->
    try binary_to_integer(Value) of
        Length -> {Length, gwport_plug_input:new(Length, Conn), Conn}
    catch
        error:badarg -> unknown(Conn)
    end;
body(Headers, Conn) ->
    case gwport_plug_conn:body(Conn) of
        none -> {0, gwport_plug_input:new(0, Conn), Conn};
        unsure when not is_map_key(<<"expect">>, Headers) -> gwport_plug_input:look(Conn);
        _ -> unknown(Conn)
    end.

unknown(Conn) ->
    {unknown, gwport_plug_input:new(unknown, Conn), Conn}.

%% The client as plugs in front see it; its port is that of the connection's other end, where it is
%% that. The proxies that a mount names are believed of that end itself.
peer(#{trusted_proxies := [_ | _]}, Conn) ->
    {Address, Port, _} = gwport_plug_conn:peer(Conn),
    address({Address, Port});
peer(_, Conn = #{remote_ip := Remote}) ->
    case gwport_plug_conn:peer(Conn) of
        {Remote, Port, _} -> address({Remote, Port});
        _ -> address({Remote, 0})
    end.

address({Address, Port}) when tuple_size(Address) =:= 4; tuple_size(Address) =:= 8 ->
    {list_to_binary(inet:ntoa(Address)), Port};
address(_) ->
    {<<>>, 0}.

forwarded(#{trusted_proxies := []}, _, _, Request) ->
    Request;
forwarded(#{trusted_proxies := Proxies, trusted_fields := Fields}, Headers, Address, Request) ->
    case gwport_network:has(gwport_network:peer(other_end(Address)), Proxies) of
        true -> gwport_forwarded:believe(Fields, Headers, Proxies, Request);
        false -> Request
    end.

other_end(Address = {local, _}) -> Address;
other_end(Address) -> {Address, 0}.

%% How many segments of the path are behind the mount: those that Plug has taken off are as many as
%% there are in script_name, and it passes over empty ones.
behind(<<"/", Path/binary>>, Taken) ->
    Rest = iolist_to_binary([[$/, Segment]
        || Segment <- skip(Taken, binary:split(Path, <<"/">>, [global]))]),
    {_, {Raw, _}} = gwport_environ:split_path(Rest, 0),
    length(binary:matches(Raw, <<"/">>));
behind(_, _) ->
    0.

skip(0, Segments) -> Segments;
skip(Left, [<<>> | Segments]) -> skip(Left, Segments);
skip(Left, [_ | Segments]) -> skip(Left - 1, Segments);
skip(_, []) -> [].
