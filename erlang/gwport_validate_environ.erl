%% The environ's rules for gwport_validate, pure: what a gateway owes its app.
%% @hidden
-module(gwport_validate_environ).

-export([breaches/1]).

-define(HOST, "(\\[[0-9A-Fa-f:.]+\\]|[A-Za-z0-9._~!$&'()*+,;=%-]*)").

-spec breaches(#{term() => term()}) -> [gwport_finding:breach()].
breaches(Environ) ->
    lists:append([key(Key, Value) || {Key, Value} <- maps:to_list(Environ)])
        ++ [Breach || {Id, Key, Check} <- checks(), Breach <- checked(Id, Key, Environ, Check)]
        ++ raw(<<"SCRIPT_NAME">>, <<"gwport.script_name">>, Environ)
        ++ raw(<<"PATH_INFO">>, <<"gwport.path_info">>, Environ)
        ++ path(Environ) ++ wake(Environ).

%% Of each key.

key(Key, _) when not is_binary(Key) ->
    [{<<"environ.key.text">>, "the environ", ["as a key ", gwport_finding:kind(Key)]}];
key(<<"HTTP_PROXY">>, _) ->
    [{<<"environ.http.proxy">>, "HTTP_PROXY", "it is there"}];
key(Key, _) when Key =:= <<"HTTP_CONTENT_TYPE">>; Key =:= <<"HTTP_CONTENT_LENGTH">> ->
    [{<<"environ.http.twin">>, Key, "it is there"}];
key(<<"gwport.", _/binary>> = Key, _) ->
    [{<<"environ.key.reserved">>, gwport_finding:name(Key), "no such key"}
        || not lists:member(Key, gateways())];
key(Key, Value) ->
    case binary:match(Key, <<".">>) of
        nomatch -> own(is_own(Key), Key) ++ value(Key, Value);
        _ -> []
    end.

own(true, _) -> [];
own(false, Key) -> [{<<"environ.key.own">>, gwport_finding:name(Key), "no such variable"}].

is_own(<<"HTTP_", Name/binary>>) ->
    Name =/= <<>> andalso << <<C>> || <<C>> <= Name, C >= $A andalso C =< $Z
        orelse C >= $0 andalso C =< $9 orelse C =:= $_ >> =:= Name;
is_own(Key) ->
    lists:member(Key, variables()).

value(Key, Value) when not is_binary(Value) ->
    [{<<"environ.value.text">>, gwport_finding:name(Key), gwport_finding:kind(Value)}];
value(<<"HTTP_", _/binary>> = Key, Value) ->
    [{<<"environ.http.value">>, gwport_finding:name(Key), gwport_finding:control(Value)}
        || binary:match(Value, [<<"\r">>, <<"\n">>, <<0>>]) =/= nomatch];
value(_, _) ->
    [].

variables() ->
    [<<"REQUEST_METHOD">>, <<"SCRIPT_NAME">>, <<"PATH_INFO">>, <<"QUERY_STRING">>,
        <<"CONTENT_TYPE">>, <<"CONTENT_LENGTH">>, <<"SERVER_NAME">>, <<"SERVER_PORT">>,
        <<"SERVER_PROTOCOL">>, <<"REMOTE_ADDR">>, <<"REMOTE_PORT">>, <<"REQUEST_URI">>,
        %% Others of RFC 3875, which our gateway does not set.
        <<"AUTH_TYPE">>, <<"GATEWAY_INTERFACE">>, <<"PATH_TRANSLATED">>, <<"REMOTE_HOST">>,
        <<"REMOTE_IDENT">>, <<"REMOTE_USER">>, <<"SERVER_SOFTWARE">>].

gateways() ->
    [<<"gwport.version">>, <<"gwport.url_scheme">>, <<"gwport.script_name">>,
        <<"gwport.path_info">>, <<"gwport.input">>, <<"gwport.errors">>, <<"gwport.wake">>,
        <<"gwport.request">>] ++ flags().

flags() ->
    [<<"gwport.async">>, <<"gwport.multithread">>, <<"gwport.multiprocess">>,
        <<"gwport.run_once">>].

%% Of those that have to be there, and of some that need not.

checks() ->
    [{<<"environ.method.token">>, <<"REQUEST_METHOD">>, fun gwport_field:is_token/1},
        {<<"environ.script.form">>, <<"SCRIPT_NAME">>, fun is_path/1},
        {<<"environ.query.there">>, <<"QUERY_STRING">>, fun is_binary/1},
        {<<"environ.server.name">>, <<"SERVER_NAME">>, fun is_server/1},
        {<<"environ.port.digits">>, <<"SERVER_PORT">>, fun is_port_number/1},
        {<<"environ.port.digits">>, <<"REMOTE_PORT">>, fun is_port_number/1},
        {<<"environ.protocol.form">>, <<"SERVER_PROTOCOL">>, fun is_protocol/1},
        {<<"environ.version.pair">>, <<"gwport.version">>, fun(V) -> V =:= {1, 0} end},
        {<<"environ.scheme.name">>, <<"gwport.url_scheme">>, fun is_scheme/1},
        {<<"environ.input.form">>, <<"gwport.input">>, fun(V) -> is_function(V, 1) end},
        {<<"environ.errors.form">>, <<"gwport.errors">>, fun(V) -> is_function(V, 1) end},
        {<<"environ.length.digits">>, {<<"CONTENT_LENGTH">>}, fun are_digits/1},
        {<<"environ.host.form">>, {<<"HTTP_HOST">>}, fun is_host/1}]
        ++ [{<<"environ.flags.boolean">>, Flag, fun is_boolean/1} || Flag <- flags()].

%% A key in braces need not be there. What is no text is told of as such, once.
checked(Id, {Key}, Environ, Check) ->
    case Environ of
        #{Key := Value} -> formed(Id, Key, Value, Check);
        #{} -> []
    end;
checked(Id, Key, Environ, Check) ->
    case Environ of
        #{Key := Value} -> formed(Id, Key, Value, Check);
        #{} -> [{Id, Key, "it is not there"}]
    end.

formed(_, <<C, _/binary>>, Value, _) when not is_binary(Value), C >= $A, C =< $Z -> [];
formed(Id, Key, Value, Check) -> [{Id, Key, gwport_finding:text(Value)} || not Check(Value)].

is_path(<<"/", _/binary>>) -> true;
is_path(Path) -> Path =:= <<>>.

%% The address of a socket, which stands there if a client names no host, has no brackets.
is_server(Name) ->
    matches(Name, "^" ?HOST "$") orelse matches(Name, "^[0-9A-Fa-f]*:[0-9A-Fa-f:.]+$").

is_host(Host) -> matches(Host, "^" ?HOST "(:[0-9]*)?$").

is_port_number(Port) ->
    are_digits(Port) andalso byte_size(Port) < 6 andalso binary_to_integer(Port) < 65536.

is_protocol(Protocol) -> matches(Protocol, "^HTTP/[0-9](\\.[0-9])?$").

is_scheme(Scheme) -> Scheme =:= <<"http">> orelse Scheme =:= <<"https">>.

are_digits(Text) -> matches(Text, "^[0-9]+$").

matches(Text, Pattern) ->
    re:run(Text, Pattern, [{capture, none}, dollar_endonly]) =:= match.

%% A path, and what else a target can be.
path(#{<<"PATH_INFO">> := Path} = Environ) when is_binary(Path) ->
    Method = maps:get(<<"REQUEST_METHOD">>, Environ, none),
    [{<<"environ.path.form">>, "PATH_INFO", gwport_finding:text(Path)}
        || not is_path(Path), not is_target(Method, Path)];
path(#{<<"PATH_INFO">> := _}) ->
    [];
path(_) ->
    [{<<"environ.path.form">>, "PATH_INFO", "it is not there"}].

is_target(<<"OPTIONS">>, Path) -> Path =:= <<"*">>;
is_target(<<"CONNECT">>, Path) -> is_host(Path);
is_target(_, _) -> false.

raw(Key, RawKey, Environ) ->
    case Environ of
        #{Key := Plain, RawKey := Raw} when is_binary(Plain), is_binary(Raw) ->
            [{<<"environ.path.raw">>, RawKey, [gwport_finding:text(Raw), " beside ",
                gwport_finding:text(Plain)]} || not gwport_environ:is_raw_of(Raw, Plain)];
        #{Key := _, RawKey := Raw} when not is_binary(Raw) ->
            [{<<"environ.path.raw">>, RawKey, gwport_finding:kind(Raw)}];
        #{} ->
            []
    end.

wake(#{<<"gwport.async">> := true} = Environ) ->
    Wake = maps:get(<<"gwport.wake">>, Environ, none),
    [{<<"environ.wake.form">>, "gwport.wake", gwport_finding:kind(Wake)}
        || not is_function(Wake, 0)];
wake(_) ->
    [].
