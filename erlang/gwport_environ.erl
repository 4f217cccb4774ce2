%% The environ of a request: SPEC.md, section 10, as a pure function of the Request that `open`
%% carries.
%%
%% The wire does not carry the environ. `gwport.input` and `gwport.errors` are added by whoever runs
%% an app. This is the Erlang side's derivation, for apps of the same shape in Erlang, for logs and
%% for tests; Go's is held to the same vectors.
-module(gwport_environ).

-export([environ/1, split_path/2]).

-export_type([request/0, environ/0]).

%% The Request of SPEC.md, section 6.
-type request() :: #{binary() => term()}.
-type environ() :: #{binary() => binary() | {1, 0} | boolean()}.

-spec environ(request()) -> environ().
environ(Request) ->
    #{<<"method">> := Method, <<"path">> := Path, <<"query">> := Query, <<"version">> := Version,
        <<"scheme">> := Scheme, <<"peer">> := {Address, Port}, <<"headers">> := Headers,
        <<"path_info">> := Behind} = Request,
    {{ScriptName, PathInfo}, {RawScriptName, RawPathInfo}} = split_path(Path, Behind),
    maps:merge(fields(Headers), #{
        <<"REQUEST_METHOD">> => Method,
        <<"SCRIPT_NAME">> => ScriptName,
        <<"PATH_INFO">> => PathInfo,
        <<"QUERY_STRING">> => Query,
        <<"SERVER_NAME">> => server_name(Request),
        <<"SERVER_PORT">> => integer_to_binary(maps:get(<<"port">>, Request)),
        <<"SERVER_PROTOCOL">> => protocol(Version),
        <<"REMOTE_ADDR">> => Address,
        <<"REMOTE_PORT">> => integer_to_binary(Port),
        <<"REQUEST_URI">> => uri(Path, Query),
        <<"gwport.version">> => {1, 0},
        <<"gwport.url_scheme">> => Scheme,
        <<"gwport.script_name">> => RawScriptName,
        <<"gwport.path_info">> => RawPathInfo,
        %% Apps run side by side, in one program and in several.
        <<"gwport.async">> => false,
        <<"gwport.multithread">> => true,
        <<"gwport.multiprocess">> => true,
        <<"gwport.run_once">> => false
    }).

server_name(#{<<"host">> := <<>>, <<"local">> := {Address, _}}) -> Address;
server_name(#{<<"host">> := Host}) -> Host.

protocol({1, 0}) -> <<"HTTP/1.0">>;
protocol({1, 1}) -> <<"HTTP/1.1">>;
protocol({2, 0}) -> <<"HTTP/2">>.

uri(Path, <<>>) -> Path;
uri(Path, Query) -> <<Path/binary, "?", Query/binary>>.

%% SCRIPT_NAME and PATH_INFO, decoded and raw, where Behind segments stand behind the route [E1].
-spec split_path(binary(), non_neg_integer()) ->
    {Decoded :: {binary(), binary()}, Raw :: {binary(), binary()}}.
split_path(<<"/", Path/binary>>, Behind) ->
    {Segments, Slash} = trailing_slash(binary:split(Path, <<"/">>, [global])),
    Left = resolve([{decode(Segment), Segment} || Segment <- Segments], []),
    {Script, Info} = lists:split(max(0, length(Left) - Behind), Left),
    {{join(1, Script), <<(join(1, Info))/binary, Slash/binary>>},
        {join(2, Script), <<(join(2, Info))/binary, Slash/binary>>}};
split_path(Path, _) ->
    {{<<>>, Path}, {<<>>, Path}}.

%% A last empty piece is a trailing slash; a last dot segment leaves one.
trailing_slash(Pieces) ->
    Last = lists:last(Pieces),
    case decode(Last) of
        <<>> -> {lists:droplast(Pieces), <<"/">>};
        Dots when Dots =:= <<".">>; Dots =:= <<"..">> -> {Pieces, <<"/">>};
        _ -> {Pieces, <<>>}
    end.

resolve([], Left) -> lists:reverse(Left);
resolve([{<<".">>, _} | Rest], Left) -> resolve(Rest, Left);
resolve([{<<"..">>, _} | Rest], []) -> resolve(Rest, []);
resolve([{<<"..">>, _} | Rest], [_ | Left]) -> resolve(Rest, Left);
resolve([Segment | Rest], Left) -> resolve(Rest, [Segment | Left]).

join(Form, Segments) ->
    iolist_to_binary([[$/, element(Form, Segment)] || Segment <- Segments]).

%% What is not %XX stands for itself; a router has refused it before, as Cowboy's does.
decode(<<$%, H, L, Rest/binary>>) ->
    case {hex(H), hex(L)} of
        {High, Low} when is_integer(High), is_integer(Low) ->
            <<(High * 16 + Low), (decode(Rest))/binary>>;
        _ ->
            <<$%, (decode(<<H, L, Rest/binary>>))/binary>>
    end;
decode(<<C, Rest/binary>>) ->
    <<C, (decode(Rest))/binary>>;
decode(<<>>) ->
    <<>>.

hex(C) when C >= $0, C =< $9 -> C - $0;
hex(C) when C >= $a, C =< $f -> C - $a + 10;
hex(C) when C >= $A, C =< $F -> C - $A + 10;
hex(_) -> error.

fields(Headers) ->
    lists:foldl(fun({Name, Value}, Fields) ->
        field(key(Name), Name, Value, Fields)
    end, #{}, Headers).

field(none, _, _, Fields) ->
    Fields;
field(Key, Name, Value, Fields) ->
    case Fields of
        #{Key := Before} -> Fields#{Key := <<Before/binary, (glue(Name))/binary, Value/binary>>};
        #{} -> Fields#{Key => Value}
    end.

glue(<<"cookie">>) -> <<"; ">>;
glue(_) -> <<", ">>.

%% [E2]
key(<<"content-type">>) -> <<"CONTENT_TYPE">>;
key(<<"content-length">>) -> <<"CONTENT_LENGTH">>;
key(<<"proxy">>) -> none;
key(Name) ->
    case << <<(key_byte(C))>> || <<C>> <= Name, is_key_byte(C) >> of
        Key when byte_size(Key) =:= byte_size(Name) -> <<"HTTP_", Key/binary>>;
        _ -> none
    end.

is_key_byte(C) ->
    C =:= $- orelse (C >= $a andalso C =< $z) orelse (C >= $A andalso C =< $Z)
        orelse (C >= $0 andalso C =< $9).

key_byte($-) -> $_;
key_byte(C) when C >= $a, C =< $z -> C - 32;
key_byte(C) -> C.
