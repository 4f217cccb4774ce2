%% What gwport:request/3 is given, as the Request of SPEC.md, section 6, with all that a web server
%% would have seen to: a host, names in lower case, a length. What is wrong is named, and not shown:
%% a body, a path or a field may be a secret, and errors end in logs.
%% @hidden
-module(gwport_call).

-export([request/2]).

-type bad_option() ::
    {bad_option, {Key :: term(), hidden | {Name :: binary(), hidden}, Why :: string()}}.

-spec request(gwport:request() | list(), gwport_mount_options:mount()) ->
    {ok, gwport_environ:request(), Body :: binary()} | {error, bad_option()}.
request(Given, Mount) when is_map(Given) ->
    try
        [bad(Key, "no such key") || Key <- maps:keys(Given), not lists:member(Key, keys())],
        Body = body(maps:get(body, Given, <<>>)),
        Request = term(Given, byte_size(Body), Mount),
        case gwport_request:check(Request) of
            ok -> {ok, Request, Body};
            {error, Part} -> {error, wrong(Part)}
        end
    catch
        throw:{bad_option, Which} -> {error, {bad_option, Which}}
    end;
request(Given, Mount) ->
    case gwport_options:map(Given) of
        {ok, Map} -> request(Map, Mount);
        error -> {error, {bad_option, {request, hidden,
            "expected a map, a keyword list or a property list"}}}
    end.

keys() ->
    [method, path, query, path_info, headers, body].

-spec bad(term(), string()) -> no_return().
bad({Key, Hidden}, Why) -> throw({bad_option, {Key, Hidden, Why}});
bad(Key, Why) -> throw({bad_option, {Key, hidden, Why}}).

term(Given, Length, #{app := App, deadline := Deadline}) ->
    {Path, Query} = target(Given),
    Headers = headers(maps:get(headers, Given, []), Length),
    {_, Authority} = lists:keyfind(<<"host">>, 1, Headers),
    {Host, Port} = host(Authority),
    Term = #{
        <<"method">> => method(maps:get(method, Given, <<"GET">>)),
        <<"path">> => Path,
        <<"query">> => Query,
        <<"version">> => {1, 1},
        <<"scheme">> => <<"http">>,
        <<"host">> => Host,
        <<"port">> => Port,
        <<"peer">> => {<<"127.0.0.1">>, 0},
        <<"local">> => {<<"127.0.0.1">>, 0},
        <<"headers">> => Headers,
        <<"path_info">> => maps:get(path_info, Given, 0),
        <<"length">> => Length
    },
    lists:foldl(fun({Key, Value}, Map) -> Map#{Key => Value} end, Term,
        [{<<"app">>, App} || App =/= <<>>] ++ [{<<"timeout">>, Deadline} || Deadline =/= infinity]).

%% Methods are told apart by their case; an atom's is Erlang's and not the caller's.
method(Method) when is_atom(Method) -> string:uppercase(atom_to_binary(Method));
method(Method) -> text(Method, method).

%% A path may bring its query along.
target(Given) ->
    Path = text(maps:get(path, Given, <<"/">>), path),
    case {Given, binary:split(Path, <<"?">>)} of
        {#{query := Query}, _} -> {Path, text(Query, query)};
        {_, [Alone]} -> {Alone, <<>>};
        {_, [Before, Query]} -> {Before, Query}
    end.

body(Body) ->
    try iolist_to_binary(Body)
    catch error:badarg -> bad(body, "expected iodata")
    end.

headers(Headers, Length) when is_map(Headers) ->
    headers(maps:to_list(Headers), Length);
headers(Headers, Length) ->
    with_length(Length, with_host([header(Header) || Header <- proper(Headers)])).

proper(List) when is_list(List), length(List) >= 0 -> List;
proper(_) -> bad(headers, "expected a list of pairs, or a map").

header({Name0, Value}) ->
    Name = gwport_field:lower(text(Name0, headers)),
    %% How the body is framed between us and the app is not the caller's choice.
    _ = [bad({headers, {Name, hidden}}, "how the body travels is not the caller's choice")
        || Name =:= <<"transfer-encoding">>],
    {Name, text(Value, {headers, {Name, hidden}})};
header(_) ->
    bad(headers, "expected pairs").

with_host(Headers) ->
    case [Host || {<<"host">>, Host} <- Headers] of
        [] -> [{<<"host">>, <<"localhost">>} | Headers];
        [_] -> Headers;
        _ -> bad({headers, {<<"host">>, hidden}}, "given more than once")
    end.

%% An app may look for a length before it reads.
with_length(Length, Headers) ->
    case lists:keymember(<<"content-length">>, 1, Headers) of
        false when Length > 0 -> Headers ++ [{<<"content-length">>, integer_to_binary(Length)}];
        _ -> Headers
    end.

host(Authority) ->
    case re:run(Authority, "^([^:]*|\\[.*\\])(?::([0-9]{1,9}))?$", [{capture, [1, 2], binary}]) of
        {match, [Host, <<>>]} -> {gwport_field:lower(Host), 80};
        {match, [Host, Port]} -> {gwport_field:lower(Host), binary_to_integer(Port)};
        nomatch -> bad({headers, {<<"host">>, hidden}}, "expected a host, or host:port")
    end.

text(Text, _) when is_binary(Text) ->
    Text;
text(Text, _) when is_atom(Text) ->
    atom_to_binary(Text);
text(Text, Where) ->
    try unicode:characters_to_binary(Text) of
        Binary when is_binary(Binary) -> Binary;
        _ -> bad(Where, "expected text, as UTF-8")
    catch
        error:badarg -> bad(Where, "expected text")
    end.

%% What gwport_request calls a part, as the caller does.
wrong({header, Name}) ->
    {bad_option, {headers, {Name, hidden}, "a name or value that no request can have"}};
wrong(<<"method">>) ->
    {bad_option, {method, hidden, "expected a token"}};
wrong(<<"path">>) ->
    {bad_option, {path, hidden, "expected a path that begins with /, as it travels"}};
wrong(<<"query">>) ->
    {bad_option, {query, hidden, "expected a query as it travels"}};
wrong(<<"path_info">>) ->
    {bad_option, {path_info, hidden,
        "expected how many segments at the path's end are behind the app"}};
wrong(_HostOrPort) ->
    {bad_option, {headers, {<<"host">>, hidden}, "expected a host, or host:port"}}.
